"""The organization's own grouping of products."""

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import choices_of, class_choices
from insurance.core import clock
from insurance.core.db import db
from insurance.products import queries, services
from insurance.products.models import TargetMarket
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.forms import ChoiceField, Form, Required, TextField
from insurance.web.html import page


class CategoryForm(Form):
    """A category under a class of business."""

    class_code = ChoiceField("Class of business", [Required("Choose a class.")], empty="Choose…")
    category_name = TextField("Name", [Required()])
    category_code = TextField(
        "Code", [Required()], longest=40, description="Capitals, such as INDIVIDUAL_TERM."
    )
    target_market = ChoiceField("Sold to", choices=choices_of(TargetMarket))
    description = TextField("Description", longest=2000, widget=TextAreaField.widget)


@bp.get("/categories")
@requires(ProductsMay.VIEW)
def categories() -> Response:
    """Show the categories by name."""
    session = db.session()
    classes = {class_.code: class_.name for class_ in queries.list_classes(session)}
    return page("products/categories.html", found=queries.list_categories(session), classes=classes)


@bp.route("/categories/new", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def create_category() -> Response:
    """Add a category."""
    form = CategoryForm()
    form.class_code.choices = [
        ("", "Choose…"),
        *class_choices(queries.list_classes(db.session())),
    ]
    back = url_for(".categories")
    crumbs = [("Products", url_for(".index")), ("Categories", back)]
    return act_screen(
        Act("New category", "Add category", back, crumbs, leave="Cancel"),
        form,
        lambda: services.create_category(_facts(form), now=clock.now()),
        lambda category: f"{category.category_name} was added.",
    )


def _facts(form: CategoryForm) -> services.NewCategory:
    return services.NewCategory(
        class_code=form.class_code.data or "",
        category_name=form.category_name.data or "",
        category_code=form.category_code.data or "",
        description=form.description.data or "",
        target_market=TargetMarket(form.target_market.data),
    )
