/* XML from a stranger: what is plain is read; what would fetch, expand, nest or multiply is refused, and quickly. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/xml.h"

static iscep_xml *must_parse(const char *text)
{
    iscep_xml *xml = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_xml_parse(&xml, iscep_bytes_of_text(text), &err), ISCEP_OK, "%s", err.message);
    return xml;
}

static iscep_error refusal_of(iscep_bytes text)
{
    iscep_xml *xml = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_xml_parse(&xml, text, &err), ISCEP_USAGE);
    cr_assert_null(xml);
    return err;
}

static void expect_refusal(const char *text, const char *code)
{
    iscep_error err = refusal_of(iscep_bytes_of_text(text));
    cr_assert_str_eq(err.code, code, "%s: %s", text, err.message);
}

static void expect_text(const iscep_xml_element *element, const char *text)
{
    ISCEP_AUTO_BUF out;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&out, 1024);
    cr_assert_eq(iscep_xml_text(&out, element, &err), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(iscep_buf_text(&out), text);
}

Test(xml, elements_and_their_text_are_read)
{
    ISCEP_AUTO_XML *xml =
        must_parse("<?xml version='1.0' encoding='UTF-16'?>\n"
                   "<!-- a comment --><r a='1'>\n <x:first xmlns:x='u'>a&amp;b&#x41;</x:first>"
                   "<second><![CDATA[<c>]]>d</second><third/></r>");
    const iscep_xml_element *root = iscep_xml_root(xml);
    const iscep_xml_element *first = iscep_xml_first(root);
    cr_assert(iscep_xml_is(root, "r"));
    cr_assert_str_eq(iscep_xml_name(first), "first");
    cr_assert_eq(iscep_xml_line(first), 3);
    cr_assert_null(iscep_xml_next(root));
    expect_text(first, "a&bA");
    expect_text(iscep_xml_child(root, "second"), "<c>d");
    expect_text(iscep_xml_child(root, "third"), "");
    cr_assert_null(iscep_xml_child(root, "fourth"));
    cr_assert_null(iscep_xml_next(iscep_xml_child(root, "third")));
}

Test(xml, text_with_elements_in_it_is_none)
{
    ISCEP_AUTO_XML *xml = must_parse("<r>\na<b>c</b></r>");
    ISCEP_AUTO_BUF out;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&out, 1024);
    cr_assert_eq(iscep_xml_text(&out, iscep_xml_root(xml), &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "xml_text");
}

Test(xml, a_doctype_is_passed_over_and_nothing_is_fetched)
{
    ISCEP_AUTO_XML *xml =
        must_parse("<!DOCTYPE r PUBLIC '-//Apple//DTD PLIST 1.0//EN' 'file:///nonexistent.dtd'>"
                   "<r>text</r>");
    expect_text(iscep_xml_root(xml), "text");
}

Test(xml, entities_are_refused_declared_or_referred_to)
{
    static const char *const texts[] = {
        "<!DOCTYPE r [<!ENTITY a 'x'>]><r/>",
        "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><r>&b;</r>",
        "<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><r>&a;</r>",
        "<!DOCTYPE r [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/x'> %p;]><r/>",
        "<!DOCTYPE r SYSTEM 'file:///nonexistent.dtd'><r>&undeclared;</r>",
        "<!DOCTYPE r SYSTEM 'file:///nonexistent.dtd'><r a='&undeclared;'/>",
        "<!DOCTYPE r SYSTEM 'file:///nonexistent.dtd' [%undeclared;]><r/>",
        "<r>&undeclared;</r>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_refusal(texts[i], "xml_entity");
}

Test(xml, what_is_not_well_formed_is_refused_with_its_line_and_without_its_text)
{
    expect_refusal("", "xml_malformed");
    expect_refusal("text", "xml_malformed");
    expect_refusal("<r>", "xml_malformed");
    expect_refusal("<r/><r/>", "xml_malformed");
    expect_refusal("<!DOCTYPE r>", "xml_malformed");
    iscep_error err = refusal_of(iscep_bytes_of_text("<r>\n<a>secret\n</b></r>"));
    cr_assert_str_eq(err.code, "xml_malformed");
    cr_assert_str_eq(err.message, "line 3: it is not well-formed XML");
}

Test(xml, only_utf8_is_text)
{
    static const uint8_t little[] = {0xFF, 0xFE, '<', 0, 'r', 0, '/', 0, '>', 0};
    static const uint8_t big[] = {0xFE, 0xFF, 0, '<', 0, 'r', 0, '/', 0, '>'};
    cr_assert_str_eq(refusal_of(iscep_bytes_of(little, sizeof little)).message,
                     "it is UTF-16: save it as UTF-8");
    cr_assert_str_eq(refusal_of(iscep_bytes_of(big, sizeof big)).code, "xml_encoding");
    cr_assert_str_eq(refusal_of(iscep_bytes_of("<r>\0</r>", 8)).code, "xml_encoding");
    cr_assert_str_eq(refusal_of(iscep_bytes_of_text("<r>\xE4</r>")).code, "xml_encoding");
    ISCEP_AUTO_XML *xml = must_parse("\xEF\xBB\xBF<r>\xC3\xA4</r>"); /* with a byte order mark */
    expect_text(iscep_xml_root(xml), "\xC3\xA4");
}

static void nest(iscep_buf *out, size_t depth)
{
    iscep_buf_init(out, 4 * ISCEP_XML_MAX_BYTES);
    for (size_t i = 0; i < depth; i++)
        iscep_buf_append_text(out, "<d>");
    for (size_t i = 0; i < depth; i++)
        iscep_buf_append_text(out, "</d>");
}

Test(xml, depth_is_bounded)
{
    ISCEP_AUTO_BUF text, deep;
    nest(&text, ISCEP_XML_MAX_DEPTH);
    iscep_xml_free(must_parse(iscep_buf_text(&text)));
    iscep_buf_clear(&text);
    nest(&text, ISCEP_XML_MAX_DEPTH + 1);
    expect_refusal(iscep_buf_text(&text), "xml_too_deep");
    nest(&deep, 10000);
    expect_refusal(iscep_buf_text(&deep), "xml_too_deep");
}

static void repeat(iscep_buf *out, const char *head, const char *each, size_t count, const char *tail)
{
    iscep_buf_init(out, 4 * ISCEP_XML_MAX_BYTES);
    iscep_buf_append_text(out, head);
    for (size_t i = 0; i < count; i++)
        iscep_buf_append_text(out, each);
    iscep_buf_append_text(out, tail);
}

Test(xml, elements_and_bytes_are_bounded)
{
    ISCEP_AUTO_BUF most, more, large;
    repeat(&most, "<r>", "<e/>", ISCEP_XML_MAX_ELEMENTS - 1, "</r>");
    iscep_xml_free(must_parse(iscep_buf_text(&most)));
    repeat(&more, "<r>", "<e/>", ISCEP_XML_MAX_ELEMENTS, "</r>");
    expect_refusal(iscep_buf_text(&more), "xml_too_many");
    repeat(&large, "<r>", "0123456789ABCDEF", 128 * 1024, "</r>");
    expect_refusal(iscep_buf_text(&large), "xml_too_large");
}

/* libxml2 compares each attribute of a tag with each: a megabyte of them would take a quarter of a minute. */
Test(xml, a_tag_is_bounded_wherever_its_quotes_are, .timeout = 10)
{
    ISCEP_AUTO_BUF many, quoted, fine;
    repeat(&many, "<r", " a=''", 150000, "/>");
    expect_refusal(iscep_buf_text(&many), "xml_too_many");
    repeat(&quoted, "<r", " a='>'", 150000, "/>");
    expect_refusal(iscep_buf_text(&quoted), "xml_too_many");
    repeat(&fine, "<r><!-- it's ", "text", 5000, " --><e>it's</e></r>");
    iscep_xml_free(must_parse(iscep_buf_text(&fine)));
}
