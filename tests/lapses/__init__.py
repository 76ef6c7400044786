"""Grace, lapse, holds, reminders and notices."""
