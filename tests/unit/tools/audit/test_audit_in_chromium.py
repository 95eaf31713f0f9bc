import threading

import pytest
from werkzeug.serving import make_server

from tests.browser import chromium
from tests.pulled import night
from tests.unit.tools.audit.test_audit import desk_for
from trap_tools.audit.queue import Task
from trap_tools.audit.species import species
from trap_tools.audit.web import app
from trap_tools.observers.labels import Labels
from trap_tools.report.wording import words


@pytest.fixture
def folder(tmp_path):
    night(tmp_path, bursts=16).close()
    return tmp_path


def served(folder, task):
    server = make_server("127.0.0.1", 0, app(desk_for(folder, task=task), species(folder), words()), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}/"


def until(browser, script):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 10).until(lambda driven: driven.execute_script(f"return {script}"))


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def test_whole_audit_is_done_with_one_key_a_verdict(folder):
    first = desk_for(folder, "bolat")
    first.say(0, {"observation_type": "vehicle"})
    server, address = served(folder, Task.AUDIT)
    with chromium() as browser:
        browser.get(address)
        until(browser, "document.getElementById('photo').naturalWidth > 0")
        progress = lambda text: until(browser, f"document.getElementById('progress').textContent === '{text}'")  # noqa: E731
        progress("0 / 6")
        press(browser, "x")
        assert until(browser, "document.getElementById('toggle').getAttribute('aria-pressed') === 'true'")
        press(browser, "a")
        progress("1 / 6")
        press(browser, "z")
        progress("0 / 6")
        for number in range(6):
            progress(f"{number} / 6")
            press(browser, "a" if number == 2 else "b")
        progress("6 / 6")
        assert until(browser, "!document.getElementById('finished').hidden")
        until(browser, "!document.getElementById('results').hidden")
        (row,) = browser.find_elements("css selector", "#results tbody tr")
        assert row.text.startswith("MN-01") and row.text.endswith("%")
        agreed = browser.find_element("id", "agreement").text
        assert agreed == "bolat and anna agree on 0 of 1 bursts, Cohen's kappa 0.00"
        assert not [
            entry
            for entry in browser.get_log("browser")
            if entry["level"] == "SEVERE" and "favicon" not in entry["message"]
        ]
    server.shutdown()
    said = [label.observation_type for label in Labels(folder).of("anna").values()]
    assert sorted(said) == ["animal", *["blank"] * 5]


def test_species_count_and_sex_are_told_in_one_go(folder):
    server, address = served(folder, Task.LABEL)
    with chromium() as browser:
        browser.get(address)
        until(browser, "document.getElementById('photo').naturalWidth > 0")
        browser.execute_script(
            "document.getElementById('count').value = 3; document.getElementById('sex').value = 'female'"
        )
        press(browser, "2")
        until(browser, "document.getElementById('progress').textContent.startsWith('1 /')")
    server.shutdown()
    (label,) = Labels(folder).of("anna").values()
    assert (label.scientific_name, label.count, label.sex) == ("Panthera uncia", 3, "female")
