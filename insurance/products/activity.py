"""What is done in products, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "products.create": "Product made",
    "products.edit": "Product changed",
    "products.delete": "Product deleted",
    "products.launch": "Version launched",
    "products.withdraw": "Product withdrawn",
    "products.discard_draft": "Draft discarded",
    "product_benefits.create": "Benefit added",
    "product_benefits.edit": "Benefit changed",
    "product_benefits.delete": "Benefit removed",
    "product_categories.create": "Category made",
    "inception_rules.create": "Question at inception added",
    "inception_rules.edit": "Question at inception changed",
    "inception_rules.delete": "Question at inception removed",
    "rate_tables.create": "Rate table uploaded",
}
