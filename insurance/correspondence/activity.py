"""What is done in correspondence, in the words of the trade; `{name}` is a value of the entry."""

ACTIVITY = {
    "notes.add": "Note written",
    "notes.correct": "Note corrected",
    "notes.withdraw": "Note taken back",
    "notes.pin": "Note pinned",
    "notes.unpin": "Note unpinned",
    "notes.finish_task": "Task done",
    "documents.add": "Document added: {title}",
    "documents.read": "Document read: {title}",
    "letters.make": "Letter made: {title}",
    "messages.send": "Message sent",
    "messages.send_again": "Message sent again",
}
