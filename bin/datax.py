#!/bin/sh
# -*- coding: utf-8 -*-
''''command -v python3 >/dev/null 2>&1 && exec python3 "$0" "$@" # '''
''''exec python "$0" "$@" # '''
"""Runs DataX jobs with Apus: a stand-in for DataX's bin/datax.py with the same arguments, output and exit codes.

Python 2.7 and 3. The program takes this process's place, so signals and exit code are its own. It is looked for in the
environment variable APUS, then beside this file, then in PATH.
"""
import os
import sys


def candidates():
    named = os.environ.get("APUS")
    if named:
        return [named]
    here = os.path.dirname(os.path.abspath(os.path.realpath(__file__)))
    # Beside this file, or in the bin folder of the prefix whose libexec or share holds it.
    beside = [os.path.join(here, "apus")]
    prefix = os.path.dirname(here)
    while prefix not in ("", os.path.dirname(prefix)):
        beside.append(os.path.join(prefix, "bin", "apus"))
        prefix = os.path.dirname(prefix)
    return beside + [os.path.join(folder, "apus") for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)]


def main():
    tried = candidates()
    for program in tried:
        if os.path.isfile(program) and os.access(program, os.X_OK):
            if sys.stdout:
                sys.stdout.flush()
            os.execv(program, [program, "datax"] + sys.argv[1:])
    # To stdout too: callers search it for this line, and take silence for success.
    first = tried[0] if not isinstance(tried[0], bytes) else tried[0].decode("utf-8", "replace")
    text = u"datax.py: there is no program %s%s" % (first, u"" if os.environ.get("APUS") else u", and no apus in PATH")
    say_failure(text)
    return 255


def say_failure(text):
    line = u"\n\n\u7ecfDataX\u667a\u80fd\u5206\u6790,\u8be5\u4efb\u52a1\u6700\u53ef\u80fd\u7684\u9519\u8bef\u539f\u56e0\u662f:\n" + text + u"\n"
    # Either may be closed.
    if sys.stdout:
        getattr(sys.stdout, "buffer", sys.stdout).write(line.encode("utf-8"))
        sys.stdout.flush()
    if sys.stderr:
        getattr(sys.stderr, "buffer", sys.stderr).write((text + u"\n").encode("utf-8"))


if __name__ == "__main__":
    sys.exit(main())
