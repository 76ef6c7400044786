"""The kinds of file that are known by their shape."""

from enum import StrEnum


class FileFormat(StrEnum):
    """How a file is written. CSV and XLSX have our own columns; STATEMENT is a bureau's."""

    CSV = "CSV"
    XLSX = "XLSX"
    STATEMENT = "STATEMENT"
    MERCHANT_STATEMENT = "MERCHANT_STATEMENT"
    EFT_OUTPUT = "EFT_OUTPUT"
    MT940 = "MT940"
    CAMT053 = "CAMT053"
    OFX = "OFX"
    QIF = "QIF"
    FNB = "FNB"
    ABSA = "ABSA"
    STANDARD_BANK = "STANDARD_BANK"
    NEDBANK = "NEDBANK"
    CAPITEC = "CAPITEC"
    MAPPED = "MAPPED"
