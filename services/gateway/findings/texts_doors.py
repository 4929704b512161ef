"""Holds the texts about keys and about requests as a whole."""

from collections.abc import Mapping

from services.gateway.findings.domain import Advice

DOORS: Mapping[str, Advice] = {
    "administration_closed": Advice(
        "This key does not administer publishers.",
        "Publishers are registered in the pages of the Kreis, or by kurslotse publisher.",
    ),
    "authority_not_for": Advice(
        "Only an office can oblige people to take part.", "Leave out authority, or register an office."
    ),
    "broker_not_allowed": Advice(
        "The gateway may not make topics at the broker; nothing was registered.",
        "Whoever operates Kurslotse has to run kurslotse db apply.",
    ),
    "broker_unavailable": Advice(
        "The broker did not answer; nothing was registered.",
        "Send the same again after the time in Retry-After.",
    ),
    "busy": Advice("Too much is waiting to be sent.", "Send the same again after the time in Retry-After."),
    "contact_invalid": Advice(
        "The contact field {field} was refused.",
        "Correct it and send the registration again with the same id.",
    ),
    "database_unavailable": Advice(
        "The database cannot be reached at the moment.",
        "Send the same again after the time in Retry-After; nothing is taken twice.",
    ),
    "no_such_door": Advice("There is no such door.", "Check address and method against /openapi.json."),
    "key_not_there": Advice("The publisher has no such key that is open.", "Read its keys again."),
    "keys_many": Advice(
        "The publisher has as many keys as it may have.", "End one that nobody uses any more first."
    ),
    "key_missing": Advice(
        "No API key was sent.", "Send the header Authorization: Bearer followed by your key."
    ),
    "key_unknown": Advice("The API key is unknown, expired or revoked.", "Ask the Kreis for a new key."),
    "kind_unknown": Advice("There is no import of this kind.", "Use open-qcat or participants."),
    "people_unavailable": Advice(
        "The place where names are kept cannot be reached; nothing was registered.",
        "Send the same again after the time in Retry-After.",
    ),
    "publisher_changed": Advice(
        "Somebody has changed the publisher in the meantime.", "Read it again, then decide anew."
    ),
    "publisher_kinds_differ": Advice(
        "There is a publisher with this short name already, and it does other work.",
        "Choose another short name.",
    ),
    "publisher_name_taken": Advice(
        "The short name belongs to the organisation of another publisher.", "Choose another short name."
    ),
    "publisher_inactive": Advice("The publisher is no longer active.", "Ask the Kreis to activate it again."),
    "publisher_missing": Advice(
        "It is not clear for whom this service speaks.", "Send the header X-Kurslotse-Publisher."
    ),
    "publisher_not_yours": Advice(
        "This key may not speak for another publisher.", "Leave out the header X-Kurslotse-Publisher."
    ),
    "publisher_unknown": Advice("The publisher is unknown.", "Register it first: kurslotse publisher add."),
    "uploads_full": Advice(
        "Too many large requests are being read.", "Send the same again after the time in Retry-After."
    ),
    "uploads_of_yours": Advice(
        "As many of your large requests are being read as you may send at once.",
        "Send them one after the other, and this one again after the time in Retry-After.",
    ),
    "files_of_yours": Advice(
        "As many of your files are being read or wait as you may send at once.",
        "Wait for the answer to one of them, then send this one again.",
    ),
    "too_slow": Advice(
        "The request took too long to arrive.", "Send the same again over a faster connection."
    ),
    "key_failures": Advice(
        "Too many wrong keys came from this address.",
        "Wait for the time in Retry-After, then send your key; ask the Kreis if you have lost it.",
    ),
    "rate_limited": Advice("Too many events at once.", "Send the same again after the time in Retry-After."),
    "reference_missing": Advice(
        "The registration has neither a reference nor an official number.",
        "Send your own reference in the event, or the official number with its scheme.",
    ),
    "reference_and_number": Advice(
        "The registration has both a reference and an official number.",
        "Send one of them: for an official number the reference is made here.",
    ),
    "scope_missing": Advice(
        "The API key does not open this door.", "Ask the Kreis for a key with the right scope."
    ),
    "settings_invalid": Advice(
        "The import settings cannot be used: {field}.", "Correct this setting and save them again."
    ),
}
