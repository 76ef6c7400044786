"""Names, places and ID numbers that read as South African, made from a seeded generator."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

FIRST_FEMALE = [
    "Thandi",
    "Palesa",
    "Nomvula",
    "Lerato",
    "Zanele",
    "Ayanda",
    "Naledi",
    "Busisiwe",
    "Refilwe",
    "Nandi",
    "Annelie",
    "Chantelle",
    "Fatima",
    "Priya",
    "Kavitha",
    "Ingrid",
    "Marlene",
    "Michelle",
    "Lindiwe",
    "Khanyi",
    "Tshidi",
    "Mpho",
    "Rethabile",
    "Sibongile",
]
FIRST_MALE = [
    "Sipho",
    "Themba",
    "Bongani",
    "Kagiso",
    "Tshepo",
    "Mandla",
    "Lwazi",
    "Sizwe",
    "Pieter",
    "Johan",
    "Willem",
    "Hendrik",
    "Riaan",
    "Yusuf",
    "Ashwin",
    "Rajesh",
    "Dean",
    "Grant",
    "Luyanda",
    "Katlego",
    "Thabo",
    "Vusi",
    "Mpho",
    "Ndumiso",
]
SURNAMES = [
    "Dlamini",
    "Mokoena",
    "Nkosi",
    "Khumalo",
    "Ndlovu",
    "Botha",
    "van_der_Merwe",
    "Naidoo",
    "Pillay",
    "Govender",
    "Molefe",
    "Sithole",
    "Mahlangu",
    "Zulu",
    "Pretorius",
    "Fourie",
    "Steyn",
    "Jacobs",
    "Adams",
    "Petersen",
    "Mthembu",
    "Maseko",
    "Radebe",
    "Cele",
    "Tshabalala",
    "Nel",
    "Venter",
    "du_Plessis",
    "Moodley",
    "Essop",
    "Davids",
    "Hendricks",
    "Baloyi",
    "Chauke",
    "Mabaso",
    "Shabalala",
]
PLACES = (
    ("Soweto", "Johannesburg", "Gauteng", "1804"),
    ("Sandton", "Johannesburg", "Gauteng", "2196"),
    ("Umlazi", "Durban", "KwaZulu-Natal", "4031"),
    ("Rondebosch", "Cape Town", "Western Cape", "7700"),
    ("Khayelitsha", "Cape Town", "Western Cape", "7784"),
    ("Hatfield", "Pretoria", "Gauteng", "0083"),
    ("Summerstrand", "Gqeberha", "Eastern Cape", "6001"),
    ("Willows", "Bloemfontein", "Free State", "9301"),
    ("Bendor", "Polokwane", "Limpopo", "0699"),
    ("Sonheuwel", "Mbombela", "Mpumalanga", "1201"),
)
STREETS = ("Protea", "Acacia", "Jacaranda", "Baobab", "Nelson Mandela", "Church", "Long", "Kloof")

VEHICLES = (
    ("Toyota", "Corolla Cross", "B", 420_000),
    ("Toyota", "Hilux", "C", 620_000),
    ("Volkswagen", "Polo Vivo", "A", 260_000),
    ("Suzuki", "Swift", "A", 230_000),
    ("Ford", "Ranger", "C", 640_000),
    ("Hyundai", "Grand i10", "A", 240_000),
    ("BMW", "320d", "D", 820_000),
)
"""Make, model, rating group, and what it costs new in rand."""


@dataclass(frozen=True, slots=True)
class PersonData:
    """A made-up person."""

    first_name: str
    last_name: str
    gender: str
    born: date
    id_number: str
    phone: str
    email: str


def make_person(random: Random, index: int, *, youngest: int = 20, oldest: int = 62) -> PersonData:
    """Return a person who was between two ages on 2026-11-01; `index` keeps numbers apart."""
    gender = random.choice(("FEMALE", "MALE"))
    first = random.choice(FIRST_FEMALE if gender == "FEMALE" else FIRST_MALE)
    last = random.choice(SURNAMES).replace("_", " ")
    born = date(2026, 11, 1) - timedelta(days=random.randint(youngest * 366, oldest * 365))
    mail = f"{first}.{last}{index}".lower().replace(" ", "")
    return PersonData(
        first_name=first,
        last_name=last,
        gender=gender,
        born=born,
        id_number=id_number(born, gender, index),
        phone=f"+2782{index % 10_000_000:07d}",
        email=f"{mail}@example.org",
    )


def id_number(born: date, gender: str, index: int, *, is_citizen: bool = True) -> str:
    """Return a valid ID number: birth date, sequence by gender, citizenship, check digit."""
    sequence = (index % 5000) + (0 if gender == "FEMALE" else 5000)
    body = f"{born:%y%m%d}{sequence:04d}{0 if is_citizen else 1}8"
    return body + _check_digit(body)


def _check_digit(body: str) -> str:
    """Return the Luhn digit."""
    total = 0
    for position, character in enumerate(reversed(body)):
        digit = int(character)
        if position % 2 == 0:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return str(-total % 10)
