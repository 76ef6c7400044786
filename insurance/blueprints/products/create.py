"""A new product."""

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import (
    WholeField,
    choices_of,
    class_choices,
    table_choices,
)
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, raise_all
from insurance.products import queries, services
from insurance.products.models import (
    CancellationBasis,
    MainDeath,
    PricingMethod,
    Product,
    ProjectionType,
    ProRataMethod,
    TermType,
)
from insurance.products.permissions import ProductsMay
from insurance.products.rules import insures_persons
from insurance.products.validity import CLASS_OF_TYPE, ROLES_WITH_AGES
from insurance.web.access import requires
from insurance.web.filters import words
from insurance.web.forms import ChoiceField, Form, MoneyField, RateField, Required, TextField
from insurance.web.html import go, page, refuse

MAIN_DEATHS = [
    (MainDeath.BY_CLASS.value, "As the class has it"),
    (MainDeath.END.value, "ends the policy"),
    (MainDeath.CONTINUE.value, "the spouse or another life goes on as holder"),
    (MainDeath.PREMIUM_FREE.value, "goes on, for some months without premium"),
]


_AGES = re.compile(r"([0-9]{1,3})(?: ?[-–] ?([0-9]{1,3})|\+)", re.ASCII)


class ProductForm(Form):
    """A product's particulars and the terms of its version."""

    name = TextField("Name", [Required()])
    slug = TextField("Short name for addresses", longest=60)
    description = TextField("Description", longest=2000, widget=TextAreaField.widget)
    class_code = ChoiceField("Class of business", [Required("Choose a class.")], empty="Choose…")
    product_type = ChoiceField("Type", empty="As the class", default="")
    category_id = ChoiceField("Category", empty="None", default="")
    pricing_method = ChoiceField("Pricing", choices=choices_of(PricingMethod))
    base_premium = MoneyField("Base premium a month")
    rate_table_id = ChoiceField("Rate table of the whole product", empty="None", default="")
    coverage_amount = MoneyField("Usual cover")
    min_entry_age = WholeField("Youngest entry age", default=18)
    max_entry_age = WholeField("Oldest entry age", default=65)
    spouse_ages = TextField("Entry ages of a spouse", longest=10)
    child_ages = TextField("Entry ages of a child", longest=10)
    parent_ages = TextField("Entry ages of a parent", longest=10)
    extended_ages = TextField("Entry ages of extended family", longest=10)
    min_sum_assured = MoneyField("Smallest cover")
    max_sum_assured = MoneyField("Largest cover")
    waiting_period_days = WholeField("Waiting period in days", nothing=0, default=0)
    term_type = ChoiceField("Term", choices=choices_of(TermType))
    default_term_years = WholeField("Years of the term", [Required()], default=20)
    premium_projection_type = ChoiceField(
        "Premium over the years", choices=choices_of(ProjectionType)
    )
    quote_valid_days = WholeField("Quotes are valid for days", [Required()], default=30)
    backdating_limit_days = WholeField("Cover may be backdated by days", nothing=0, default=30)
    pro_rata_method = ChoiceField(
        "Changes inside a premium period", choices=choices_of(ProRataMethod)
    )
    cancellation_basis = ChoiceField(
        "Refund at cancellation", choices=choices_of(CancellationBasis)
    )
    short_rate_per_cent = RateField("Short rate in per cent", default=Decimal(90))
    main_death = ChoiceField(
        "Death of the main member", choices=MAIN_DEATHS, default=MainDeath.BY_CLASS.value
    )
    premium_free_months = WholeField("Months without premium after it", nothing=0, default=0)
    newborn_cover_days = WholeField("Days to name a newborn child", nothing=0, default=0)
    quarterly_loading = RateField("Quarterly loading in per cent")
    half_yearly_loading = RateField("Half-yearly loading in per cent")
    annual_loading = RateField("Annual loading in per cent")
    insures_persons = True

    def offer(self, product: Product | None = None, *, is_fixed: bool = False) -> None:
        """Fill the choices. Of a product that was launched, class and type stay as they are."""
        session = db.session()
        classes = queries.list_classes(session)
        kept = product.class_code if product else ""
        own_type = product.product_type if product and product.product_type != kept else ""
        licensed = {class_.code for class_ in classes if class_.is_licensed}
        types = [name for name, code in CLASS_OF_TYPE.items() if code in licensed]
        offered = dict.fromkeys(["", *types, *([own_type] if own_type else [])])
        if is_fixed:
            classes, offered = (
                [class_ for class_ in classes if class_.code == kept],
                {own_type: None},
            )
        empty = [] if is_fixed else [("", "Choose…")]
        self.class_code.choices = [*empty, *class_choices(classes, keep=kept)]
        self.product_type.choices = [
            (one, words(one) if one else "As the class") for one in offered
        ]
        mine = next(
            (class_ for class_ in classes if product and class_.code == product.class_code), None
        )
        self.insures_persons = mine is None or insures_persons(mine.category.value, mine.code)
        if not self.insures_persons:
            self.term_type.choices = [
                (TermType.FIXED_TERM.value, words(TermType.FIXED_TERM)),
                (TermType.WHOLE_OF_LIFE.value, "Until cancelled"),
            ]
        self.category_id.choices = [
            ("", "None"),
            *(
                (str(category.id), category.category_name)
                for category in queries.list_categories(session)
            ),
        ]
        self.rate_table_id.choices = [("", "None"), *table_choices(session)]

    def loadings(self) -> dict[str, Decimal]:
        """Return the loadings that were entered, by frequency."""
        fields = {
            "QUARTERLY": self.quarterly_loading.data,
            "HALF_YEARLY": self.half_yearly_loading.data,
            "ANNUAL": self.annual_loading.data,
        }
        return {frequency: percent for frequency, percent in fields.items() if percent}


@bp.route("/new", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def create() -> Response:
    """Make a product with its first draft."""
    form = ProductForm()
    form.offer()
    if form.validate_on_submit():
        try:
            product = services.create_product(_facts(form), now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            return go(
                url_for(".show", product_id=product.id),
                f"{product.name} was created as a draft. Add its benefits and rates.",
            )
    return page("products/create.html", part="product_form", status=form.status, form=form)


def _facts(form: ProductForm) -> services.NewProduct:
    values = terms_of(form)
    return services.NewProduct(
        name=form.name.data or "",
        slug=form.slug.data or "",
        description=form.description.data or "",
        product_type=form.product_type.data or "",
        class_code=form.class_code.data or "",
        category_id=category_of(form),
        terms=services.Terms(**values),
    )


def category_of(form: ProductForm) -> UUID | None:
    """Return the id of the chosen category, or None."""
    return UUID(form.category_id.data) if form.category_id.data else None


def role_ages_of(form: ProductForm) -> dict[str, list[int | None]]:
    """Return the entry ages that were entered, by role. Raises DomainError(s) at their fields."""
    errors: list[DomainError] = []
    found: dict[str, list[int | None]] = {}
    for role in ROLES_WITH_AGES:
        field = form[f"{role.lower()}_ages"]
        typed = (field.data or "").strip()
        if not typed:
            continue
        ages = _AGES.fullmatch(typed)
        if ages is None:
            errors.append(DomainError("Write ages such as 0–21 or 18+.", field=field.name))
        else:
            found[role] = [int(ages[1]), int(ages[2]) if ages[2] else None]
    raise_all(errors)
    return found


def terms_of(form: ProductForm) -> dict[str, Any]:
    """Return the terms that were entered."""
    return {
        "pricing_method": PricingMethod(form.pricing_method.data),
        "base_premium": form.base_premium.data,
        "rate_table_id": UUID(form.rate_table_id.data) if form.rate_table_id.data else None,
        "coverage_amount": form.coverage_amount.data,
        "min_entry_age": form.min_entry_age.data,
        "max_entry_age": form.max_entry_age.data,
        "role_ages": role_ages_of(form),
        "min_sum_assured": form.min_sum_assured.data,
        "max_sum_assured": form.max_sum_assured.data,
        "waiting_period_days": form.waiting_period_days.data,
        "term_type": TermType(form.term_type.data),
        "default_term_years": form.default_term_years.data,
        "premium_projection_type": ProjectionType(form.premium_projection_type.data),
        "quote_valid_days": form.quote_valid_days.data,
        "backdating_limit_days": form.backdating_limit_days.data,
        "pro_rata_method": ProRataMethod(form.pro_rata_method.data),
        "cancellation_basis": CancellationBasis(form.cancellation_basis.data),
        "short_rate_per_cent": form.short_rate_per_cent.data or Decimal(90),
        "main_death": MainDeath(form.main_death.data),
        "premium_free_months": form.premium_free_months.data or 0,
        "newborn_cover_days": form.newborn_cover_days.data or 0,
        "modal_loadings": form.loadings(),
    }
