"""What is done in reconciliation, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "reconciliation.upload": "Bank file uploaded",
    "reconciliation.start_commit": "Posting of a bank file begun",
    "reconciliation.commit": "Bank file posted",
    "reconciliation.fail": "Posting of a bank file failed",
    "reconciliation.post_other_money": "Other money posted",
    "reconciliation.export": "Bank file exported",
    "reconciliation.save_mapping": "Shape of a bank file explained",
    "reconciliation.delete_mapping": "Shape of a bank file forgotten",
    "suspense.drop_repeated": "Repeated movement dropped",
    "suspense.return": "Money in suspense paid back",
    "suspense.reverse": "Posting to suspense reversed",
}
