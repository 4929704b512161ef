"""Every code a record, a key or a file can be told about: what is wrong, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """Two sentences in English, the msgids of the German ones; `{name}` is a parameter of the problem."""

    wrong: str
    todo: str


ENVELOPE: Mapping[str, Advice] = {
    "attribute_malformed": Advice(
        "The CloudEvents attribute {field} is not a text.",
        "Send every attribute as a JSON string.",
    ),
    "attribute_dropped": Advice(
        "The attribute {field} was left out because it is not an opaque id.",
        "Use at most 64 letters, digits and . _ : / - with at least one digit, for instance a UUID.",
    ),
    "attribute_missing": Advice(
        "The CloudEvents attribute {field} is missing.",
        "Add it: every event needs specversion, id and type.",
    ),
    "batch_malformed": Advice(
        "The batch is not a JSON list of events.",
        "Send a JSON list of CloudEvents in structured form.",
    ),
    "batch_too_long": Advice(
        "The batch holds more than {max_events} events.",
        "Split it and send the parts one after another.",
    ),
    "content_type_unknown": Advice(
        "The Content-Type is none that this door reads.",
        "Use application/json with ce- headers, application/cloudevents+json or"
        " application/cloudevents-batch+json.",
    ),
    "corrects_and_retracts": Advice(
        "The event both corrects and retracts another one.",
        "Decide: use ce_corrects to replace an event, ce_retracts to take it back.",
    ),
    "data_missing": Advice("The event has no data.", "Send the data of the event as JSON."),
    "data_too_large": Advice(
        "The data of the event is larger than {max_bytes} bytes.",
        "Split the event, for instance into several course days.",
    ),
    "header_malformed": Advice(
        "The header {field} cannot be read.",
        "Send attributes percent-encoded in UTF-8, as CloudEvents over HTTP asks.",
    ),
    "header_not_utf8": Advice("The header {field} is not UTF-8.", "Send headers in UTF-8."),
    "id_malformed": Advice(
        "{field} is not a usable id.",
        "Use 1 to 128 visible ASCII characters without spaces, for instance a UUID.",
    ),
    "id_reused": Advice(
        "This id was already used for other content.",
        "Send the same content for a repetition, a new id for something new, and ce_corrects to correct.",
    ),
    "json_malformed": Advice(
        "The data is not valid JSON.", "Check brackets, quotes and the encoding (UTF-8)."
    ),
    "number_not_canonical": Advice(
        "A number is too large or not a number.",
        "Use numbers between -9007199254740991 and 9007199254740991; send ids as text.",
    ),
    "specversion_unknown": Advice("The CloudEvents version is unknown.", "Set specversion to 1.0."),
    "time_malformed": Advice(
        "The time of the event cannot be read.",
        "Write it with an offset, for instance 2027-01-11T08:30:00+01:00.",
    ),
    "too_large": Advice(
        "The request is larger than {max_bytes} bytes.", "Split it and send the parts one after another."
    ),
    "not_allowed": Advice(
        "You may not send events of this type.",
        "Check the type; if it is right, ask the Kreis to allow it for your organisation.",
    ),
    "type_unknown": Advice(
        "The event type is unknown.",
        "Check the spelling and the version, for instance de.kurslotse.course-announced.v1.",
    ),
}

FIELDS: Mapping[str, Advice] = {
    "code_unknown": Advice(
        "The code in {field} is on no list yet.",
        "It was taken as it is. Check the spelling; if it is right, ask for the code to be added.",
    ),
    "field_invalid": Advice(
        "The value of {field} is not allowed.",
        "Correct it ({rule}) and send the event again with a new id.",
    ),
    "field_missing": Advice(
        "The field {field} is missing.", "Add it and send the event again with a new id."
    ),
    "field_unknown": Advice(
        "There is a field in {field} that is not part of this event; it was left out.",
        "Check the spelling. Names, birth dates and contact data belong to the registration form only.",
    ),
}

DOORS: Mapping[str, Advice] = {
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
    "key_missing": Advice(
        "No API key was sent.", "Send the header Authorization: Bearer followed by your key."
    ),
    "key_unknown": Advice("The API key is unknown, expired or revoked.", "Ask the Kreis for a new key."),
    "kind_unknown": Advice("There is no import of this kind.", "Use open-qcat or participants."),
    "people_unavailable": Advice(
        "The place where names are kept cannot be reached; nothing was registered.",
        "Send the same again after the time in Retry-After.",
    ),
    "publisher_inactive": Advice("The publisher is no longer active.", "Ask the Kreis to activate it again."),
    "publisher_missing": Advice(
        "It is not clear for whom this service speaks.", "Send the header X-Kurslotse-Publisher."
    ),
    "publisher_not_yours": Advice(
        "This key may not speak for another publisher.", "Leave out the header X-Kurslotse-Publisher."
    ),
    "publisher_unknown": Advice("The publisher is unknown.", "Register it first: kurslotse publisher add."),
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

JUDGED: Mapping[str, Advice] = {
    "accepted": Advice("Everything up to this place has been judged.", "Nothing to do."),
}

COURSE_FILES: Mapping[str, Advice] = {
    "xml_malformed": Advice(
        "The file is not well-formed XML.", "Export it again; do not edit it in a word processor."
    ),
    "xml_doctype": Advice(
        "The file declares a DOCTYPE or entities, which are not accepted.", "Export it without them."
    ),
    "not_open_qcat": Advice(
        "The file is no open-Qcat catalogue.", "Choose the open-Qcat (KURSNET) export of your software."
    ),
    "file_too_large": Advice("The file is larger than {max_bytes} bytes.", "Export fewer rows at a time."),
    "file_empty": Advice("The file holds no rows.", "Check whether the right file was chosen."),
    "supplier_foreign": Advice(
        "This course belongs to another supplier number.",
        "Import it as that provider, or have the number added: kurslotse publisher add --supplier-id.",
    ),
    "supplier_not_registered": Advice(
        "The supplier number of the file is not registered for this provider, so it could not be compared.",
        "Have it added once: kurslotse publisher add ... --supplier-id.",
    ),
    "product_id_missing": Advice(
        "This course has no PRODUCT_ID.", "Give every course its number in your software and export again."
    ),
    "product_id_twice": Advice(
        "This PRODUCT_ID appears twice in the file; only the first one was read.", "Remove one of them."
    ),
    "offer_missing": Advice(
        "The date belongs to an offer that is not in the file and was not imported before.",
        "Export the offer together with its dates.",
    ),
    "title_missing": Advice(
        "The course has no title, and there is no offer to inherit one from.", "Fill in the title."
    ),
    "start_missing": Advice("The course has no readable start date.", "Fill in START_DATE."),
    "end_missing": Advice(
        "The course has no end date, and hours a week are not given either.",
        "Fill in END_DATE, or hours altogether and a week, for instance 600 UE and 25 UE/Woche.",
    ),
    "end_estimated": Advice(
        "The end date was estimated from the hours.", "Fill in END_DATE if the estimate is wrong."
    ),
    "end_before_start": Advice("The course ends before it starts.", "Correct the dates."),
    "capacity_missing": Advice(
        "The number of places is missing.",
        "Fill in MAX_PARTICIPANTS, or set default_capacity in the settings.",
    ),
    "minimum_unclear": Advice(
        "It is not known whether MIN_PARTICIPANTS means the minimum or the number already booked;"
        " until then no free places are shown.",
        "Answer once: set min_means to minimum or booked in the import settings.",
    ),
    "course_type_unclear": Advice(
        "The type of the course could not be recognised; it was not imported.",
        "Add the classification (for instance MB 01) or set the type in the import settings.",
    ),
    "not_a_language_course": Advice(
        "This is no language course; it was skipped.", "Nothing to do, unless it is one: then set its type."
    ),
    "kreis_unclear": Advice(
        "The Kreis of the course is not clear.", "Set kreis, or the town's AGS, in the import settings."
    ),
    "town_unknown": Advice(
        "The town could not be matched with an official municipality key (AGS).",
        "Add the town with its AGS in the settings under towns.",
    ),
    "times_unclear": Advice(
        "The lesson times could not be read completely.",
        "Write them like: Mo-Fr 08:30-12:30 Uhr, 25 UE/Woche.",
    ),
    "sections_unknown": Advice(
        "The file does not say when the sections begin; only the first start is offered.",
        "Announce the sections through the interface, or confirm them with the Kreis.",
    ),
    "course_missing_in_full": Advice(
        "A course imported earlier is missing in this complete catalogue; nothing was cancelled.",
        "If it will not take place, cancel it; otherwise add it to the next export.",
    ),
    "course_not_imported": Advice("The file deletes a course that was never imported.", "Nothing to do."),
    "sequence_gap": Advice(
        "An earlier update file seems to be missing.", "Import the missing file, or a complete catalogue."
    ),
    "sequence_old": Advice(
        "This update file is older than the last one imported; it was not read.",
        "Import the newest file, or a complete catalogue.",
    ),
}

TABLES: Mapping[str, Advice] = {
    "not_a_table": Advice(
        "The file is neither a CSV nor an XLSX table.", "Save the list as XLSX or CSV and try again."
    ),
    "zip_bomb": Advice(
        "The XLSX file would unpack to more than is accepted.", "Save only the sheet with the list."
    ),
    "sheet_too_large": Advice(
        "The table has more than {max_rows} rows or {max_columns} columns.", "Split the list."
    ),
    "header_not_found": Advice(
        "No header row with at least three known column names was found.",
        "Check the column names in the mapping against the file.",
    ),
    "mapping_missing": Advice(
        "There is no column mapping for this office yet.",
        "Give one with --mapping; it is kept for next time.",
    ),
    "column_missing": Advice(
        "The column for {field} is not in the file.", "Correct the mapping or the header of the file."
    ),
    "value_missing": Advice("The value for {field} is missing.", "Fill it in and import the row again."),
    "value_unreadable": Advice(
        "The value for {field} cannot be read.", "Write it as in the other rows, dates like 31.12.1999."
    ),
    "value_unmapped": Advice(
        "The word for {field} is not in the mapping.", "Add it to the mapping under values."
    ),
    "date_ambiguous": Advice(
        "In the column for {field} day and month cannot be told apart.",
        "Set date_order to day_first or month_first in the mapping.",
    ),
    "date_incomplete": Advice(
        "The birth date has no day or month; it was not stored.", "Fill it in when it is known."
    ),
    "letters_lost": Advice(
        "The name contains a question mark: letters were lost when the file was saved.",
        "Save the list as XLSX or as CSV UTF-8.",
    ),
    "row_twice": Advice(
        "The same person appears twice in the file; only the first row was read.", "Remove one of the rows."
    ),
    "likely_duplicate": Advice(
        "This person is probably registered already.", "Ask the Kreis to compare; nothing was merged."
    ),
}

FALLBACK = Advice(
    "The record was not taken as it is ({code}).", "Ask the Kreis, and name this code and the place."
)

CATALOGUE: Mapping[str, Advice] = {
    **ENVELOPE,
    **FIELDS,
    **DOORS,
    **JUDGED,
    **COURSE_FILES,
    **TABLES,
}
