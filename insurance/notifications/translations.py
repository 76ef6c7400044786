"""The words of kinds of mail in other languages than English, where the product has them."""

from insurance.notifications.languages import Language

TRANSLATIONS = {
    ("non_payment_notice", Language.AFRIKAANS): (
        "Ons het nie u premie vir polis {number} ontvang nie",
        "Geagte {name}\n\n"
        "Die premie van {amount} vir u polis {number} ({product}) was op {due_date} betaalbaar en "
        "ons het dit nie ontvang nie.\n"
        "U bly gedek tot aan die einde van {grace_end}. As die premie nie teen dan betaal is nie, "
        "eindig u dekking.\n"
        "Ons stel u hiervan in kennis soos {law} vereis. As u intussen betaal het, dankie.\n\n"
        "{organization}\n",
    ),
}
