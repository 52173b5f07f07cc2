"""What went wrong, in ClickHouse's words: a code, a text, and the HTTP status that ClickHouse gives for the code.

The engine's own errors come as text (`Code: 60. DB::Exception: … (UNKNOWN_TABLE)`) and are passed on as they are;
those of the HTTP interface, which the engine does not know, are made here. The table of statuses is ClickHouse's
exceptionCodeToHTTPStatus.cpp.
"""

import re

SYNTAX_ERROR = 62
BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
UNKNOWN_FORMAT = 73
UNKNOWN_TYPE_OF_QUERY = 78
UNKNOWN_SETTING = 115
READONLY = 164
CANNOT_DECOMPRESS = 271
INTO_OUTFILE_NOT_ALLOWED = 358
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
INVALID_SESSION_TIMEOUT = 374
QUERY_WAS_CANCELLED = 394
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
SET_NON_GRANTED_ROLE = 512
UNKNOWN_EXCEPTION = 1002

_NAMES = {value: name for name, value in list(globals().items()) if isinstance(value, int)}

_STATUS = {
    401: (194,),
    403: (192, 193, ACCESS_DENIED, SET_NON_GRANTED_ROLE, AUTHENTICATION_FAILED),
    400: (6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676),
    404: (46, 47, 50, 56, 60, 63, UNKNOWN_FORMAT, UNKNOWN_TYPE_OF_QUERY, 81, UNKNOWN_SETTING, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    501: (NOT_IMPLEMENTED,),
    503: (76, 209, 439),
}
_STATUS_OF_CODE = {code: status for status, codes in _STATUS.items() for code in codes}

_ENGINE_TEXT = re.compile(r"Code: (\d+)\. ?DB::Exception: .*", re.DOTALL)
# An error in the middle of a statement arrives wrapped in a second one of the same code, the version in between.
_WRAPPED = re.compile(
    r"Code: (\d+)\. DB::Exception: (Code: \1\. DB::Exception: .*?) \(version [^)]*\)\. \(\w+\)\s*$", re.DOTALL
)


class ClickHouseError(Exception):
    """An error as ClickHouse reports it; its text begins with `Code: …` and ends with the code's name in brackets."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(text)

    @property
    def status(self) -> int:
        """The HTTP status ClickHouse answers with."""
        return _STATUS_OF_CODE.get(self.code, 500)


def clickhouse_error(code: int, message: str) -> ClickHouseError:
    """An error of the HTTP interface; `code` is one of this module's."""
    return ClickHouseError(code, f"Code: {code}. DB::Exception: {message} ({_NAMES[code]})")


_WORDLESS = "The statement failed with an error that quotes bytes which are not UTF-8, so chDB could not tell it"


def from_engine(error: Exception) -> ClickHouseError:
    """What the engine said; 1002 for words of chDB that are not ClickHouse's.

    chDB raises what the engine said as RuntimeError, or, if that quotes bytes that are not UTF-8, UnicodeDecodeError;
    in some builds of Python (Debian's 3.11) that comes as a RuntimeError without a word.
    """
    said = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
    text = said.strip()
    if wrapped := _WRAPPED.search(text):
        return ClickHouseError(int(wrapped[1]), wrapped[2])
    if told := _ENGINE_TEXT.search(text):
        return ClickHouseError(int(told[1]), told[0])
    return clickhouse_error(UNKNOWN_EXCEPTION, f"{text or _WORDLESS}.")
