"""What is done in lapses, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "lapse_holds.place": "Lapse held back",
    "lapse_holds.undo_place": "Holding a lapse back undone",
    "lapse_holds.undo_release": "Release of a hold undone",
    "lapse_holds.release": "Hold on the lapse released",
    "lapse_rules.create": "Lapse rule made",
    "lapse_rules.edit": "Lapse rule changed",
    "premium_notices.read_file": "Proof of a notice read",
    "premium_notices.record": "Notice of non-payment recorded",
    "premium_notices.send": "Notice of non-payment sent",
}
