"""What is done in senders, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "senders.create": "Sender {role} made",
    "senders.change": "Sender {role} changed",
    "senders.delete": "Sender {role} deleted",
    "senders.map": "{type} is sent as {role}",
    "senders.undo": "Change of mail senders undone",
    "senders.ask_confirmation": "Confirmation of {email_address} asked for",
    "senders.confirm": "Address {email_address} confirmed",
    "senders.check_dns": "DNS of {email_address} looked up",
    "senders.rotate_key": "New signing key for {domain}",
    "senders.keep_server": "Mail server {host} named",
    "senders.remove_server": "Mail server {host} removed",
    "senders.test": "Test mail sent as {role}",
}
