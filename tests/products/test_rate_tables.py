"""Rate tables: what they accept, how they are pasted, how they are read again."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from insurance.blueprints.products.rate_grid import grids_of
from insurance.core.errors import DomainError
from insurance.products import queries, services
from insurance.products.models import RateBasis, RateMethod
from tests.factories.identity import SignedInClient
from tests.factories.products import NOW, make_motor_table, make_rate_table

SignIn = Callable[..., SignedInClient]


def _facts(**changes: object) -> services.NewRateTable:
    values = {"table_code": "t", "table_name": "T", "rate_basis": RateBasis.PER_MILLE} | changes
    return services.NewRateTable(**values)  # type: ignore[arg-type]


def _rate(**changes: object) -> services.NewRate:
    return services.NewRate(**{"rate": Decimal("0.5")} | changes)  # type: ignore[arg-type]


def test_a_table_is_read_again_as_it_was_made(session: Session) -> None:
    table = make_rate_table()

    loaded = queries.load_rate_tables(session, [table.id])[table.id]

    row = loaded.find_row(35, "MALE", ())
    assert row is not None
    assert str(row.rate) == "0.52"


def test_the_same_code_makes_the_next_version(session: Session) -> None:
    first, second = make_rate_table("rates"), make_rate_table("rates")

    assert (first.version, second.version) == (1, 2)
    assert [one.id for one in queries.latest_rate_tables(session)] == [second.id]


def test_overlapping_bands_are_refused_and_both_rows_are_named(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        services.create_rate_table(
            _facts(entries=[_rate(age_from=18, age_to=30), _rate(age_from=30, age_to=40)]), now=NOW
        )

    assert "Rows 1 and 2" in refusal.value.message
    assert refusal.value.field == "entries.1"


def test_every_bad_row_is_named_at_once(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        services.create_rate_table(
            _facts(
                entries=[
                    _rate(age_from=40, age_to=30),
                    _rate(gender="OTHER"),
                    _rate(age_from=18, age_to=300),
                    _rate(rate=Decimal(-1)),
                ]
            ),
            now=NOW,
        )

    fields = [error.field for error in refusal.value.errors]
    assert fields == ["entries.0", "entries.1", "entries.2", "entries.3"]


def test_a_declared_factor_that_no_row_states_is_refused(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        services.create_rate_table(
            _facts(rating_factors=["rating_zone"], entries=[_rate()]), now=NOW
        )

    assert refusal.value.field == "rating_factors"


def test_a_row_that_leaves_a_factor_out_is_for_every_level_of_it(session: Session) -> None:
    table = services.create_rate_table(
        _facts(
            rating_factors=["rating_zone"],
            entries=[_rate(factors={"rating_zone": "URBAN"}), _rate(rate=Decimal("0.4"))],
        ),
        now=NOW,
    )

    loaded = queries.load_rate_tables(session, [table.id])[table.id]
    rates = [loaded.find_row(None, None, (("rating_zone", zone),)) for zone in ("URBAN", "RURAL")]
    assert [str(row.rate) for row in rates if row] == ["0.5", "0.4"]


def test_a_factor_that_rows_use_is_a_rating_factor(session: Session) -> None:
    table = services.create_rate_table(
        _facts(entries=[_rate(factors={"roof": "THATCH"}), _rate(factors={"roof": "TILE"})]),
        now=NOW,
    )

    assert table.rating_factors == ["roof"]


def test_a_multiplicative_table_needs_a_base_rate_and_relativities_above_zero(
    session: Session,
) -> None:
    with pytest.raises(DomainError) as refusal:
        services.create_rate_table(
            _facts(
                method=RateMethod.MULTIPLICATIVE,
                base_rate=Decimal(0),
                relativities=[
                    services.NewRelativity(factor="zone", level="A", relativity=Decimal(0)),
                    services.NewRelativity(factor="zone", level="A", relativity=Decimal(1)),
                ],
            ),
            now=NOW,
        )

    assert {error.field for error in refusal.value.errors} == {
        "base_rate",
        "relativities.0",
        "relativities.1",
    }


def test_relativities_are_read_again(session: Session) -> None:
    table = make_motor_table()

    loaded = queries.load_rate_tables(session, [table.id])[table.id]

    assert loaded.relativities["vehicle_group"] == {"A": Decimal("0.9"), "B": Decimal("1.2")}
    assert str(loaded.base_rate) == "0.45"


def test_what_changed_between_two_tables_is_told_row_by_row(session: Session) -> None:
    earlier = make_rate_table("rates")
    later = make_rate_table(
        "rates", rows=[_rate(rate=Decimal("0.60"), age_from=18, age_to=65, gender="MALE")]
    )
    tables = queries.load_rate_tables(session, [earlier.id, later.id])

    changes = queries.compare_rates(tables[earlier.id], tables[later.id])

    assert [(one.field, one.before, one.after) for one in changes] == [
        ("18–65, MALE", Decimal("0.52"), Decimal("0.6")),
        ("18–65, FEMALE", Decimal("0.4"), None),
    ]


def test_a_list_of_rates_is_read_from_a_sheet() -> None:
    rates = services.read_rates(
        "age_from,age_to,gender,smoker_status,rate\n18,30,M,SMOKER,0.71\n,,,NON_SMOKER,0.45\n"
    )

    assert rates == [
        services.NewRate(
            rate=Decimal("0.71"),
            age_from=18,
            age_to=30,
            gender="MALE",
            factors={"smoker_status": "SMOKER"},
        ),
        services.NewRate(rate=Decimal("0.45"), factors={"smoker_status": "NON_SMOKER"}),
    ]


def test_ages_by_gender_are_read_with_decimal_commas() -> None:
    rates = services.read_rates("Age;Male;Female\n18–30;0,45;0,32\n66+;2,1;\n")

    assert [(one.age_from, one.age_to, one.gender, one.rate) for one in rates] == [
        (18, 30, "MALE", Decimal("0.45")),
        (18, 30, "FEMALE", Decimal("0.32")),
        (66, None, "MALE", Decimal("2.1")),
    ]


@pytest.mark.parametrize(
    ("sheet", "problem"),
    [
        ("age_from,age_to,rate\n18,30,0.4S", "Line 2: “0.4S” is not a rate."),
        ("age_from,age_to,rate\nxx,30,0.4", "Line 2: “xx” is not an age."),
        ("age_from,age_to,rate\n18,30", "Line 2: 2 cells for 3 columns."),
        ("age,gender,rate\n18,X,0.4", "Line 2: “X” is not a gender"),
        ("age,price\n18,0.4", "must name the columns"),
        ("rate,rate\n1,2", "a name of its own"),
        ("rate", "at least one line of rates"),
        ("", "at least one line of rates"),
        ("age,rate\n18,1e400", "“1e400” is not a rate."),
        ("age,rate\n18,NaN", "“NaN” is not a rate."),
    ],
)
def test_a_sheet_that_cannot_be_read_names_line_and_cell(sheet: str, problem: str) -> None:
    with pytest.raises(DomainError) as refusal:
        services.read_rates(sheet)

    assert problem in refusal.value.message


@pytest.mark.parametrize(
    "heading", ["Age last birthday", "Ages", "Attained age", "AGE-LAST-BIRTHDAY", "ALB"]
)
def test_the_age_column_is_known_by_the_names_that_sheets_give_it(heading: str) -> None:
    rates = services.read_rates(f"{heading},Male,Female\n18,0.28,0.26\n19,0.29,0.27\n")

    assert {(one.age_from, one.age_to) for one in rates} == {(18, 18), (19, 19)}
    assert all(one.factors == {} for one in rates)


@pytest.mark.parametrize("heading", ["Age next birthday", "ANB", "Age nearest birthday"])
def test_rates_by_another_age_than_the_last_birthdays_are_refused(heading: str) -> None:
    with pytest.raises(DomainError, match=f"Line 1: “{heading}” is not the age") as refusal:
        services.read_rates(f"{heading},Rate\n18,0.28\n")

    assert refusal.value.field == "rates"


@pytest.mark.parametrize("factor", ["age_next_birthday", "attained_age"])
def test_an_age_is_no_rating_factor(session: Session, factor: str) -> None:
    rows = [_rate(factors={factor: "18"})]

    with pytest.raises(DomainError) as refusal:
        services.create_rate_table(_facts(rating_factors=(factor,), entries=rows), now=NOW)

    assert "age_from and age_to" in refusal.value.message


def test_a_gap_of_ages_is_named_with_its_lines() -> None:
    gaps = services.find_age_gaps(services.read_rates("age,rate\n18-20,0.10\n25-30,0.20\n31,1\n"))

    assert gaps == ["Between lines 2 and 3: ages 21–24 have no rate."]


def test_a_line_for_everybody_leaves_no_gap() -> None:
    sheet = "age_from,age_to,gender,rate\n18,20,M,0.1\n25,30,M,0.2\n18,30,U,0.3\n"

    assert services.find_age_gaps(services.read_rates(sheet)) == []


def test_a_gap_is_asked_about_before_a_table_is_made(sign_in: SignIn, session: Session) -> None:
    client = sign_in()
    typed = {
        "table_name": "Gap",
        "table_code": "gap",
        "rate_basis": "PER_MILLE",
        "method": "MATRIX",
        "entries": "age,rate\n18-20,0.10\n25-30,0.20",
    }
    path = client.url("/products/rate-tables/new")

    asked = client.post(path, data=typed)

    assert asked.status_code == 422
    assert "Between lines 2 and 3: ages 21–24 have no rate." in asked.text
    assert "left out on purpose" in asked.text
    assert client.post(path, data=typed | {"allows_gaps": "y"}).status_code == 303


def test_relativities_are_read_line_by_line() -> None:
    found = services.read_relativities("factor, level, relativity\nvehicle group, A, 0.95\n")

    assert found == [
        services.NewRelativity(factor="vehicle_group", level="A", relativity=Decimal("0.95"))
    ]
    with pytest.raises(DomainError, match="Line 1"):
        services.read_relativities("vehicle_group, A")


def test_a_grid_has_ages_down_and_genders_across(session: Session) -> None:
    table = make_rate_table(
        rows=[
            _rate(rate=Decimal("0.45"), age_from=18, age_to=30, gender="MALE"),
            _rate(rate=Decimal("0.32"), age_from=18, age_to=30, gender="FEMALE"),
            _rate(rate=Decimal("1.20"), age_from=31, age_to=65, gender="MALE"),
        ]
    )

    (grid,) = grids_of(queries.load_rate_tables(session, [table.id])[table.id])

    assert grid.columns == ["Male", "Female"]
    assert grid.rows == [
        ("18–30", [Decimal("0.45"), Decimal("0.32")]),
        ("31–65", [Decimal("1.2"), None]),
    ]


def test_factors_that_do_not_fit_across_make_a_grid_each(session: Session) -> None:
    levels = [str(number) for number in range(6)]
    table = make_rate_table(
        rows=[
            _rate(age_from=18, age_to=65, gender=gender, factors={"zone": zone, "job": job})
            for gender in ("MALE", "FEMALE")
            for zone in ("A", "B")
            for job in levels[:4]
        ]
    )

    grids = grids_of(queries.load_rate_tables(session, [table.id])[table.id])

    assert [grid.title for grid in grids] == ["Zone A", "Zone B"]
    assert len(grids[0].columns) == 8


def test_a_table_without_ages_has_its_first_factor_down(session: Session) -> None:
    table = make_rate_table(
        rows=[_rate(factors={"rating_zone": zone}) for zone in ("RURAL", "URBAN")]
    )

    (grid,) = grids_of(queries.load_rate_tables(session, [table.id])[table.id])

    assert grid.corner == "Rating zone"
    assert [label for label, _cells in grid.rows] == ["RURAL", "URBAN"]


def test_a_row_for_every_level_of_a_factor_is_shown_as_any(session: Session) -> None:
    table = make_rate_table(rows=[_rate(factors={"rating_zone": "URBAN"}), _rate()])

    (grid,) = grids_of(queries.load_rate_tables(session, [table.id])[table.id])

    assert [label for label, _cells in grid.rows] == ["Any", "URBAN"]
