"""StarRocks without `enclose` and `escape`: rows first, then columns, each at the first place where the separator stands."""

from .common import BAD_ENCODING, Filtered, is_text, lines

NULL = b"\\N"


def rows(parts, options):
    column, width, trim = options.column, options.width, options.trim_space
    for line in lines(parts, options.row, options.skip, strict=True):
        if not line:
            continue
        fields = line.split(column)
        if len(fields) != width:
            yield Filtered(len(fields)), line
        elif not line.isascii() and not is_text(line):
            yield BAD_ENCODING, line
        else:
            if trim:
                fields = [field.strip(b" ") for field in fields]
            if NULL in line:
                fields = [None if field == NULL else field for field in fields]
            yield fields, line
