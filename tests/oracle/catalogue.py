"""Products of every class that the histories are about: as the model and as the product know them."""

from dataclasses import dataclass
from decimal import Decimal

from tests.oracle.model import Benefit, Terms

D = Decimal


@dataclass(frozen=True)
class Article:
    """A product to sell: its class, its terms, and the covers that are asked for."""

    class_code: str
    benefit_type: str
    terms: Terms
    covers: tuple[int, ...]
    rises: tuple[Decimal, Decimal] | None = None
    """By how many per cent premium and cover rise at an anniversary."""
    main_death: str = "BY_CLASS"
    free_months: int = 0
    """What the death of the main member does, and for how long no premium is due after it."""

    @property
    def is_life(self) -> bool:
        """Say whether a life insurer sells it."""
        return self.terms.vat_per_cent == 0


_LIFE = (
    ("RISK", "DEATH", "PRO_RATA"),
    ("FUNERAL", "FUNERAL", "PRO_RATA"),
    ("CREDIT_LIFE", "DEATH", "SHORT_RATE"),
    ("FUND_RISK", "DEATH", "FLAT"),
    ("INDIVIDUAL_INVESTMENT", "DEATH", "PRO_RATA"),
)
_NON_LIFE = (
    ("MOTOR", "PROPERTY_DAMAGE", "PRO_RATA"),
    ("PROPERTY", "PROPERTY_DAMAGE", "SHORT_RATE"),
    ("AGRICULTURE", "PROPERTY_DAMAGE", "FLAT"),
    ("ENGINEERING", "PROPERTY_DAMAGE", "PRO_RATA"),
    ("MARINE", "THIRD_PARTY_LIABILITY", "PRO_RATA"),
    ("AVIATION", "THEFT", "SHORT_RATE"),
    ("TRANSPORT", "PROPERTY_DAMAGE", "PRO_RATA"),
    ("RAIL", "THIRD_PARTY_LIABILITY", "PRO_RATA"),
    ("LEGAL_EXPENSE", "LEGAL_EXPENSES", "PRO_RATA"),
    ("LIABILITY", "THIRD_PARTY_LIABILITY", "PRO_RATA"),
    ("CONSUMER_CREDIT", "CREDIT_DEFAULT", "PRO_RATA"),
    ("TRADE_CREDIT", "CREDIT_DEFAULT", "FLAT"),
    ("GUARANTEE", "CREDIT_DEFAULT", "PRO_RATA"),
    ("ACCIDENT_HEALTH", "ACCIDENTAL_DEATH", "PRO_RATA"),
    ("TRAVEL", "TRIP_CANCELLATION", "PRO_RATA"),
    ("TERRORISM", "PROPERTY_DAMAGE", "SHORT_RATE"),
    ("MISCELLANEOUS", "THEFT", "PRO_RATA"),
)
_OF_FAMILIES = ("RISK", "FUNERAL", "FUND_RISK")
_FAMILY = (
    Benefit("SPOUSE", per_mille=D("0.7301"), role="SPOUSE", per_cent_of_main=D(50)),
    Benefit("CHILD", flat=D("4.15"), role="CHILD", fixed_amount=D("10000.00")),
)
_RATES = (D("0.61"), D("0.5237"), D("0.85"), D("1.13"), D("0.4999"))


def _articles() -> tuple[Article, ...]:
    made = []
    for number, (class_code, benefit_type, keeps) in enumerate(_LIFE + _NON_LIFE):
        is_life = number < len(_LIFE)
        is_funeral = class_code == "FUNERAL"
        benefits = [Benefit("MAIN", per_mille=_RATES[number % len(_RATES)])]
        if number % 2 == 0:
            benefits.append(
                Benefit("EXTRA", flat=D("37.45"), fixed_amount=D("15000.00"))
                if not is_funeral
                else Benefit("EXTRA", flat=D("37.45"), fixed_amount=D("5000.00"))
            )
        if class_code in _OF_FAMILIES:
            benefits += _FAMILY
        terms = Terms(
            benefits=tuple(benefits),
            vat_per_cent=0 if is_life else 15,
            term_years=20 if is_life else 1,
            is_renewable=not is_life,
            loading=(("QUARTERLY", D("2.5")),) if number % 3 == 0 else (),
            keeps=keeps,
            cooling_off_days=31 if is_life else 14,
            medical_after_days=None if is_funeral else 90,
        )
        covers = (20_000, 33_333, 45_000, 61_250, 80_000) if is_funeral else (
            60_000, 123_456, 200_000, 350_000, 500_000, 777_777
        )  # fmt: skip
        made.append(Article(class_code, benefit_type, terms, covers))
    return tuple(made)


ARTICLES = _articles()
LIFE, PROPERTY, CARRIAGE, CREDIT, OTHER = (
    tuple(one for one in ARTICLES if one.class_code in codes)
    for codes in (
        {code for code, _benefit, _keeps in _LIFE},
        {"MOTOR", "PROPERTY", "AGRICULTURE", "ENGINEERING"},
        {"MARINE", "AVIATION", "TRANSPORT", "RAIL"},
        {"LEGAL_EXPENSE", "LIABILITY", "CONSUMER_CREDIT", "TRADE_CREDIT", "GUARANTEE"},
        {"ACCIDENT_HEALTH", "TRAVEL", "TERRORISM", "MISCELLANEOUS"},
    )
)
