"""What a template makes of variables, and what it says when it cannot."""

from __future__ import annotations

from importlib.resources import files

import pytest

from airflow_provider.engine import templates
from airflow_provider.engine.errors import InvalidMessage
from airflow_provider.engine.segments import measure
from airflow_provider.engine.templates import available, render_email, render_text

ORDER = {"customer": "Ayşe Yılmaz", "order": "TR-118", "tracking_url": "https://kargo.example/TR-118"}


def test_a_text_is_filled_in_the_language_asked_for():
    turkish = render_text("sms", "order_shipped", "tr", ORDER)
    english = render_text("sms", "order_shipped", "en", ORDER)

    assert turkish == (
        "Sayın Ayşe Yılmaz, TR-118 numaralı siparişiniz kargoya verildi. Takip: https://kargo.example/TR-118"
    )
    assert english.startswith("Dear Ayşe Yılmaz, your order TR-118")


def test_a_mail_has_its_three_parts_and_only_its_html_is_escaped():
    mail = render_email("order_shipped", "en", ORDER | {"customer": "<b>Ayşe</b>"})

    assert mail.subject == "Your order is on its way: TR-118"
    assert mail.text is not None
    assert "Dear <b>Ayşe</b>," in mail.text
    assert mail.html is not None
    assert "Dear &lt;b&gt;Ayşe&lt;/b&gt;," in mail.html
    assert "<b>Ayşe" not in mail.html


def test_a_variable_is_data_and_never_a_template():
    text = render_text("sms", "order_shipped", "tr", ORDER | {"customer": "{{ order }}{% raw %}"})

    assert text.startswith("Sayın {{ order }}{% raw %},")


def test_a_missing_variable_is_named_with_its_template():
    with pytest.raises(InvalidMessage, match=r"sms/order_shipped\.tr\.j2 .*'order' is undefined"):
        render_text("sms", "order_shipped", "tr", {"customer": "Ayşe", "tracking_url": "x"})


def test_an_unknown_name_or_language_lists_what_there_is():
    with pytest.raises(InvalidMessage, match="order_shipped") as unknown:
        render_text("sms", "order_shiped", "tr", ORDER)
    assert "no sms template 'order_shiped'" in str(unknown.value)

    with pytest.raises(InvalidMessage, match="written in: en, tr"):
        render_text("whatsapp", "order_shipped", "de", ORDER)


@pytest.mark.parametrize("name", ["../sms/order_shipped", "order_shipped.tr", "", "/etc/passwd"])
def test_a_name_leads_nowhere_but_to_the_templates(name):
    with pytest.raises(InvalidMessage):
        render_text("sms", name, "tr", ORDER)


@pytest.mark.parametrize(
    ("source", "variables", "said"),
    [
        ("{{ a + 1 }}", {"a": "x"}, "TypeError"),
        ("{{ a / 0 }}", {"a": 1}, "ZeroDivisionError"),
        ("{{ a.__class__.__mro__ }}", {"a": 1}, "unsafe"),
        ("{% for %}", {}, "line 1"),
        ("{% include 'nothing.j2' %}", {}, "nothing.j2"),
    ],
)
def test_a_failing_template_names_itself_and_never_its_variables(
    monkeypatch, tmp_path, source, variables, said
):
    folder = tmp_path / "sms"
    folder.mkdir()
    (folder / "own.tr.j2").write_text(source, encoding="utf-8")
    monkeypatch.setattr(templates, "files", lambda _: tmp_path)
    templates._files.cache_clear()
    templates._environment.cache_clear()
    try:
        with pytest.raises(InvalidMessage, match=said) as failure:
            render_text("sms", "own", "tr", variables)
        assert "sms/own.tr.j2" in str(failure.value)
    finally:
        templates._files.cache_clear()
        templates._environment.cache_clear()


def test_every_shipped_template_is_written_in_turkish_and_english():
    for channel in ("sms", "whatsapp", "email"):
        for name, languages in available(channel).items():
            assert languages == ["en", "tr"], f"{channel}/{name}"


def test_shipped_sms_stay_within_one_segment():
    for language in ("tr", "en"):
        assert measure(render_text("sms", "order_shipped", language, ORDER)).segments == 1


def test_templates_are_read_from_the_installed_package():
    assert (files("airflow_provider.templates") / "sms" / "order_shipped.tr.j2").is_file()
