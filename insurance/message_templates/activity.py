"""What is done with the words of mail, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "message_templates.save": "Version {version} of {kind} written in {language}",
    "message_templates.use": "{text} of {kind} in {language} put to use",
    "message_templates.speak": "Language of mail changed to {language}",
    "message_templates.test": "Test of {kind} in {language} mailed",
}
