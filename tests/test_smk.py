"""A rule's log holds all its script said, up to the exception that ended it."""

import subprocess
import sys


def run_script(tmp_path, body: str) -> tuple[int, str, str]:
    log = tmp_path / "logs" / "rule.log"
    script = f"from basewise.smk import configure_logging\nconfigure_logging({str(log)!r})\n{body}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return done.returncode, log.read_text(), done.stderr


def test_records_and_warnings_reach_file_and_stderr(tmp_path):
    code, log, stderr = run_script(
        tmp_path,
        "import logging, warnings\nlogging.getLogger('basewise.x').info('3 tiles')\n"
        "warnings.warn('careful')\n",
    )
    assert code == 0
    for text in (log, stderr):
        assert "3 tiles" in text
        assert "careful" in text


def test_an_unexpected_exception_leaves_its_traceback_in_both(tmp_path):
    code, log, stderr = run_script(tmp_path, "def f():\n    return 1 / 0\nf()\n")
    assert code == 1
    for text in (log, stderr):
        assert "Traceback" in text
        assert text.endswith("CRITICAL basewise: ZeroDivisionError: division by zero\n")


def test_a_basewise_error_is_one_line_on_stderr_and_last_in_the_log(tmp_path):
    code, log, stderr = run_script(
        tmp_path,
        "from basewise.errors import BasewiseError\nraise BasewiseError('bad genome', found='x')\n",
    )
    assert code == 1
    assert "Traceback" in log
    assert log.splitlines()[-1].endswith("bad genome; found x")
    assert len(stderr.splitlines()) == 1
    assert stderr.strip().endswith("bad genome; found x")


def test_a_second_run_starts_the_log_anew(tmp_path):
    run_script(tmp_path, "import logging\nlogging.getLogger('a').info('first')\n")
    _, log, _ = run_script(tmp_path, "import logging\nlogging.getLogger('a').info('second')\n")
    assert "first" not in log
    assert "second" in log


def test_smk_imports_no_jax():
    code = "import sys, basewise.smk, basewise.config\nsys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
