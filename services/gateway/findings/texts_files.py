"""Holds the texts about files: catalogues of courses and lists of people."""

from collections.abc import Mapping

from services.gateway.findings.domain import Advice

COURSE_FILES: Mapping[str, Advice] = {
    "xml_malformed": Advice(
        "The file is not well-formed XML.", "Export it again; do not edit it in a word processor."
    ),
    "xml_doctype": Advice(
        "The file declares a DOCTYPE or entities, which are not accepted.", "Export it without them."
    ),
    "xml_encoding": Advice(
        "The file is not stored in the encoding that it names.",
        "Export it again; if it was edited, save it as UTF-8.",
    ),
    "courses_misplaced": Advice(
        "{number} courses stand at places of the file where none are expected; they were not read.",
        "Ask for an update of your software's open-Qcat export, or send the file to the Kreis.",
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
        "Write them like: Mo-Fr 08:30-12:30 Uhr, 25 UE/Woche. Exceptions cannot be read.",
    ),
    "childcare_unclear": Advice(
        "The description mentions childcare but does not say clearly whether there is any.",
        "Write a sentence like: Kinderbetreuung wird angeboten. Or: Keine Kinderbetreuung.",
    ),
    "places_several": Advice(
        "This offer holds {number} places or dates; only the first one was read.",
        "Give each place and each date a PRODUCT_ID of its own.",
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

FILES: Mapping[str, Advice] = {
    "file_of_other_kind": Advice(
        "The file is of another kind: {kind}.",
        "Choose the list as XLSX or CSV, or the catalogue as XML; unpack an archive first.",
    ),
    "file_old_excel": Advice(
        "The file is in the old format of Excel (XLS) or of Word.", "Save it as XLSX and try again."
    ),
    "file_encrypted": Advice(
        "The file is protected by a password.", "Save it without a password and try again."
    ),
    "file_damaged": Advice(
        "The file is damaged or incomplete.", "Save or export it again; perhaps sending it was interrupted."
    ),
    "file_takes_too_long": Advice(
        "Reading the file takes too long; it was not imported.",
        "Save only the rows and columns that are needed, or split the file.",
    ),
    "file_needs_memory": Advice(
        "Reading the file needs too much memory; it was not imported.",
        "Save only the rows and columns that are needed, or split the file.",
    ),
    "file_unexpected": Advice(
        "The file could not be read because of a fault in Kurslotse ({error}, {where}).",
        "Tell your Kreis these two words, and save the file in another format meanwhile.",
    ),
    "text_broken": Advice(
        "The letters of {field} were broken when the file was saved,"
        " for instance \u00c3\u00bc instead of \u00fc.",
        "Save the file as XLSX or as CSV UTF-8, or correct the letters.",
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
        "The same person appears in row {row} already; only the first row was read.",
        "Remove one of the rows.",
    ),
    "number_twice": Advice(
        "The official number is the same as in row {row}, perhaps written differently;"
        " only the first row was read.",
        "Remove one of the rows, or correct the number.",
    ),
    "quote_stray": Advice(
        "The row holds a quotation mark that has no second one.", "Remove it, or save the list as XLSX."
    ),
    "cells_too_many": Advice(
        "The row has more cells than the header: a value probably holds the delimiter.",
        "Put the value in quotation marks, or save the list as XLSX.",
    ),
    "line_broken": Advice(
        "The row was broken in two by a line break inside a value.",
        "Remove the line break, or save the list as XLSX.",
    ),
    "row_hidden": Advice(
        "The row is hidden in the table, perhaps by a filter; it was not read.",
        "Show all rows, or delete the row.",
    ),
    "row_skipped": Advice(
        "The row is no person (one filled cell only, or the header again); it was not read.",
        "Nothing to do, unless it is one: then fill in the row.",
    ),
    "column_twice": Advice(
        "The file has two columns for {field} under the same name.",
        "Rename one of them. Where they differ, the row was not taken.",
    ),
    "column_hidden": Advice(
        "The column for {field} is hidden in the table; it was read all the same.",
        "Name another column in the mapping if this one is out of date.",
    ),
    "sheets_several": Advice(
        "{number} sheets of the workbook hold a list; none was read.",
        "Name the right one in the mapping under sheet, or save it alone.",
    ),
    "sheet_hidden": Advice(
        "The only list of the workbook is on a hidden sheet; it was not read.",
        "Show the sheet, or name it in the mapping under sheet.",
    ),
    "sheet_not_found": Advice(
        "The sheet named in the mapping is not in the workbook.", "Correct sheet in the mapping."
    ),
    "cell_error": Advice(
        "The cell for {field} holds an error of the spreadsheet instead of a value; it was left empty.",
        "Correct the formula, or type the value.",
    ),
    "cell_merged": Advice(
        "The cell for {field} is merged with others, so this row has no value of its own.",
        "Split the merged cells and fill in the value in each row.",
    ),
    "formula_without_value": Advice(
        "The cell for {field} holds a formula that was never calculated.",
        "Open the file in a spreadsheet, save it, and try again.",
    ),
    "number_shortened": Advice(
        "The spreadsheet has shortened the number for {field} (like 1,23E+11); its digits are lost.",
        "In Excel set the column to Text before the numbers are filled in, then export again.",
    ),
    "value_became_date": Advice(
        "The spreadsheet has turned the value for {field} into a date.",
        "In Excel set the column to Text and type the value again.",
    ),
    "date_impossible": Advice(
        "The date for {field} cannot be right: it lies in the future or too long ago.",
        "Write the year with four digits, like 31.12.1999.",
    ),
    "phone_without_zero": Advice(
        "The telephone number begins neither with 0 nor with +; the spreadsheet may have dropped the zero.",
        "In Excel set the column to Text and type the number again.",
    ),
    "likely_duplicate": Advice(
        "This person is probably registered already.", "Ask the Kreis to compare; nothing was merged."
    ),
}
