"""The words of each kind of mail: subject and body, with places for values."""

TEXTS = {
    "quote": (
        "Your quote {number} from {organization}",
        "Dear {name}\n\n"
        "Your quote {number} for {product} is attached: {premium} a month. It is open until "
        "{expires_on}.\n\n{organization}\n",
    ),
    "premium_reminder": (
        "Your premium is due on {due_date}",
        "Dear {name}\n\n"
        "The premium of {amount} for your policy {number} ({product}) is due on {due_date}.\n"
        "If you have arranged a debit order, you need not do anything.\n\n{organization}\n",
    ),
    "non_payment_notice": (
        "We have not received your premium for policy {number}",
        "Dear {name}\n\n"
        "The premium of {amount} for your policy {number} ({product}) was due on {due_date} and "
        "we have not received it.\n"
        "You stay covered until the end of {grace_end}. If it is not paid by then, your cover "
        "ends.\n"
        "We tell you this as {law} requires. If you have paid in the meantime, thank you.\n\n"
        "{organization}\n",
    ),
    "policy_changed": (
        "Your policy {number} has changed",
        "Dear {name}\n\nFrom {day} your policy {number} is changed: {what}.\n\n{organization}\n",
    ),
    "policy_suspended": (
        "Your policy {number} is suspended",
        "Dear {name}\n\n"
        "Your policy {number} is suspended from {day}. Premiums go on falling due. Ask us when you "
        "want it to go on.\n\n{organization}\n",
    ),
    "policy_suspension_undone": (
        "Your policy {number} was not suspended",
        "Dear {name}\n\n"
        "We told you that your policy {number} is suspended. That was a mistake of ours: it is in "
        "force and you have been covered without a break.\n\n{organization}\n",
    ),
    "policy_lapsed": (
        "Your policy {number} has lapsed",
        "Dear {name}\n\n"
        "Your policy {number} has lapsed: from {day} you are no longer covered.\n{money}\n"
        "Ask us how it can be reinstated.\n\n{organization}\n",
    ),
    "policy_reinstated": (
        "Your policy {number} is in force again",
        "Dear {name}\n\nYour policy {number} is in force again: {what}.\n\n{organization}\n",
    ),
    "policy_lapse_set_aside": (
        "Your policy {number} did not lapse",
        "Dear {name}\n\n"
        "We told you that your policy {number} had lapsed. Your payment came in time, so the lapse"
        " has been set aside: you have been covered without a break, also on and after {day}.\n\n"
        "A claim that we refused because of the lapse is looked at again: tell us of it.\n\n"
        "{organization}\n",
    ),
    "policy_cancelled": (
        "Your policy {number} is cancelled",
        "Dear {name}\n\n"
        "Your policy {number} is cancelled: from {day} you are no longer covered.\n{money}\n"
        "{organization}\n",
    ),
    "policy_cancelled_at_start": (
        "Your policy {number} is cancelled",
        "Dear {name}\n\n"
        "Your policy {number} is cancelled as from its first day, {day}: it gives no cover.\n{money}\n"
        "{organization}\n",
    ),
    "policy_not_taken_up": (
        "Your policy {number} was not taken up",
        "Dear {name}\n\n"
        "The first premium of your policy {number} was not paid, so it never came into force.\n\n"
        "{organization}\n",
    ),
    "policy_expired": (
        "Your policy {number} has come to its end",
        "Dear {name}\n\n"
        "The term of your policy {number} is over: from {day} you are no longer covered.\n\n"
        "{organization}\n",
    ),
    "policy_renewed": (
        "Your policy {number} is renewed",
        "Dear {name}\n\nFrom {day} your policy {number} goes on: {what}.\n\n{organization}\n",
    ),
    "claim_received": (
        "We have received your claim {number}",
        "Dear {name}\n\n"
        "We have received your claim {number} on policy {policy}. Please send us:\n{documents}\n\n"
        "What you have sent already you need not send again.\n\n{organization}\n",
    ),
    "claim_documents": (
        "Documents for your claim {number}",
        "Dear {name}\n\n"
        "To go on with your claim {number} we need:\n{documents}\n\n{organization}\n",
    ),
    "claim_complete": (
        "We have all documents for your claim {number}",
        "Dear {name}\n\n"
        "We have all the documents for your claim {number} and decide by {due_on}.\n\n"
        "{organization}\n",
    ),
    "claim_approved": (
        "Your claim {number} is approved",
        "Dear {name}\n\n"
        "Your claim {number} on policy {policy} is approved for {amount}.\n\n{organization}\n",
    ),
    "claim_repudiated": (
        "Our decision on your claim {number}",
        "Dear {name}\n\n"
        "Our decision on your claim {number} on policy {policy}, with its reasons and what you can "
        "do if you do not agree, is in the attached letter.\n\n{organization}\n",
    ),
    "claim_paid": (
        "Your claim {number} is paid",
        "Dear {name}\n\n"
        "We paid {amount} for your claim {number} on {paid_on}, reference {reference}."
        "{deducted}\n\n{organization}\n",
    ),
    "claim_reopened": (
        "Your claim {number} is open again",
        "Dear {name}\n\nWe look at your claim {number} again.\n\n{organization}\n",
    ),
    "claim_comment": (
        "About your claim {number}",
        "Dear {name}\n\n{words}\n\n{organization}\n",
    ),
    "letter": (
        "{title}, {number}",
        "Dear {name}\n\nYour letter is attached: {title}, {number}.\n\n{organization}\n",
    ),
    "message": (
        "{subject}",
        "Dear {name}\n\n{words}\n\n{organization}\n",
    ),
    "alerts_digest": (
        "{count} new for you in {organization}",
        "Hello {name}\n\n"
        "You have not read this yet:\n\n{lines}\n\n"
        "All of it, and what you want to hear by mail: {link}\n\n{organization}\n",
    ),
    "month_end_ended": (
        "Month-end {day} of {organization} is {status}",
        "The month-end up to {day} is {status}.\n\n"
        "{policies} of {book} policies were processed; {left_out} were left out.\n"
        "The run's page has the result, the policies left out and the month-end pack.\n",
    ),
    "month_end_failed": (
        "Month-end {day} of {organization} failed",
        "The month-end up to {day} stopped: {error}\n\n"
        "What was applied stays applied. Once the cause is mended, apply the run again: it goes on "
        "where it stopped.\n",
    ),
    "approval_reminder": (
        "Waiting for your approval: {title}",
        "Hello {name}\n\n"
        "{asked_by} asked for this on {asked_on}, and it still waits: {title}.\n"
        "You may decide it, under Approvals. Undecided, it expires on {expires_at}.\n\n"
        "{organization}\n",
    ),
    "approval_delegated": (
        "You decide requests for {delegator} from {first_day}",
        "Hello {name}\n\n"
        "{delegator} has named you to decide requests in their place from {first_day} to "
        "{last_day}: {reason}\n"
        "You find what waits under Approvals.\n\n{organization}\n",
    ),
    "approval_expired": (
        "Nobody decided: {title}",
        "Hello {name}\n\n"
        "On {asked_on} you asked for this: {title}.\n"
        "Nobody decided it by {expires_at}, so it has expired and nothing was done. If it is still "
        "needed, ask for it again.\n\n{organization}\n",
    ),
    "invitation": (
        "You are invited to {organization}",
        "Hello {name}\n\n"
        "{inviter} has given you access to {organization}.\n"
        "Choose a password within seven days:\n\n{link}\n\n"
        "If you did not expect this, ignore this mail.\n",
    ),
    "access_offered": (
        "You are invited to {organization}",
        "Hello {name}\n\n"
        "{inviter} invites you to work in {organization} with the login you have. Nothing changes "
        "until you accept:\n\n{link}\n\n"
        "If you expected no such invitation, ignore this mail.\n",
    ),
    "password_reset": (
        "Choose a new password",
        "Hello {name}\n\n"
        "Somebody, we hope you, asked for a new password. Choose one within an hour:\n\n{link}\n\n"
        "If it was not you, ignore this mail: your password stays as it is.\n",
    ),
    "password_changed": (
        "Your password was changed",
        "Hello {name}\n\n"
        "Your password was changed and every other browser was signed out.\n"
        "If it was not you, ask your administrator at once.\n",
    ),
    "sender_confirmation": (
        "Confirm that {organization} may send mail from {address}",
        "Hello\n\n"
        "{organization} wants to send mail from {address}, as its sender {role}.\n"
        "An administrator who opens this link within three days confirms the address:\n\n{link}\n\n"
        "If you read this and are none, hand it to them; if nobody there asked, ignore it.\n",
    ),
    "sender_test": (
        "A test from {organization}, sender {role}",
        "Hello\n\n"
        "This is a test. Mail of the sender {role} looks like this: see whom it is from, and where "
        "an answer would go.{of}\n\n{organization}\n",
    ),
    "mfa_changed": (
        "Your second factor is {state}",
        "Hello {name}\n\n"
        "The second factor of your sign-in was switched {state}.\n"
        "If it was not you, change your password and ask your administrator at once.\n",
    ),
}

PERSONAL = frozenset({"invitation", "access_offered", "password_reset", "sender_confirmation"})
"""Kinds whose link proves who reads the recipient's mail: nobody else reads them."""
