/* JSON, as strict as a security decision needs it. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static iscep_json *parse(const char *text)
{
    iscep_json *json = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of_text(text), &err), ISCEP_OK, "%s: %s", text,
                 err.message);
    return json;
}

static void assert_refused(iscep_bytes text)
{
    iscep_json *json = (iscep_json *)(void *)"not NULL";
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_json_parse(&json, text, &err), ISCEP_PROTOCOL, "%.*s", (int)text.len,
                 (const char *)text.data);
    cr_assert_str_eq(err.code, "json_malformed");
    cr_assert_null(json);
}

Test(json, is_one_whole_document)
{
    static const char *const right[] = {"{}",  " {\"a\":[1,2,{\"b\":null}]} \r\n\t", "[]", "\"x\"", "1",
                                        "null"};
    for (size_t i = 0; i < COUNT(right); i++)
        iscep_json_free(parse(right[i]));
}

Test(json, anything_else_is_refused)
{
    static const char *const wrong[] = {
        "",         " ",           "{",       "{\"a\":1",   "{\"a\":1}}",  "{} {}",         "{}x",
        "{\"a\"}",  "{a:1}",       "{'a':1}", "{\"a\":1,}", "[1,]",        "[1 2]",         "tru",
        "nul",      "{\"a\":\"x}", "\"\\x\"", "\"\\u12\"",  "\"\\ud800\"", "<html></html>", "Success",
        "{\"a\":}", ",",           "{} //x",
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_refused(iscep_bytes_of_text(wrong[i]));
}

/* cJSON takes an escape without digits for a NUL: C would read the first as Success. */
Test(json, an_escape_without_four_hex_digits_is_refused)
{
    static const char *const wrong[] = {"{\"code\":\"Success\\uzzzz\"}", "{\"code\":\"Success\\u00-0\"}",
                                        "{\"code\":\"Success\\u 041\"}", "{\"code\\uzzzz\":\"Success\"}",
                                        "{\"code\":\"Success\\U0041\"}"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_refused(iscep_bytes_of_text(wrong[i]));
    ISCEP_AUTO_JSON *json = parse("{\"code\":\"\\u0053\\u006Fx\"}");
    cr_assert_str_eq(iscep_json_text(json, "code"), "Sox");
}

Test(json, what_only_cjson_takes_for_json_is_refused)
{
    static const char *const wrong[] = {
        "{\"a\":\x01"
        "1}",
        "\v1",
        "\f{}",
        "\x7F{}",
        "\"\x1F\"",
        "\"\n\"",
        "\"\xFC\"",
        "\"\xC3\"",
        "\"\xED\xA0\x80\"",
        "01",
        "-01",
        "1.",
        "-.5",
        "1.e5",
        "1e",
        "1e+",
        "--1",
        "\xEF\xBB\xBF\xEF\xBB\xBF{}",
        "{}\xEF\xBB\xBF",
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_refused(iscep_bytes_of_text(wrong[i]));
}

Test(json, numbers_have_at_most_63_characters)
{
    char text[64];
    memset(text, '1', sizeof text);
    iscep_json *json = NULL;
    cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of(text, 63), NULL), ISCEP_OK);
    iscep_json_free(json);
    assert_refused(iscep_bytes_of(text, 64));
}

Test(json, every_number_and_text_of_the_rfc_is_read)
{
    static const char *const right[] = {"0",
                                        "-0",
                                        "10",
                                        "-1.5",
                                        "1e5",
                                        "1E-5",
                                        "0.10e+0",
                                        "\"\xC3\xBC\"",
                                        "\"\x7F\"",
                                        "\"\\/\\b\\f\"",
                                        "\xEF\xBB\xBF{}",
                                        "\xEF\xBB\xBF"
                                        "0"};
    for (size_t i = 0; i < COUNT(right); i++)
        iscep_json_free(parse(right[i]));
}

Test(json, cut_anywhere_is_refused)
{
    static const char whole[] = "{\"code\":\"Success\",\"n\":[1,{\"x\":true}],\"s\":\"\\u00fc\\n\"}";
    for (size_t len = 0; len < sizeof whole - 1; len++)
        assert_refused(iscep_bytes_of(whole, len));
}

Test(json, a_nul_is_refused_raw_and_escaped)
{
    assert_refused(iscep_bytes_of("{\"code\":\"Success\0\"}", 19));
    assert_refused(iscep_bytes_of("{}\0", 3));
    assert_refused(iscep_bytes_of_text("{\"code\":\"Success\\u0000\"}"));
    assert_refused(iscep_bytes_of_text("{\"code\\u0000\":\"Success\"}"));
    assert_refused(iscep_bytes_of_text("{\"x\":\"\\\\\\u0000\"}"));
}

Test(json, an_escaped_backslash_before_u0000_is_no_nul)
{
    ISCEP_AUTO_JSON *json = parse("{\"x\":\"\\\\u0000\"}");
    cr_assert_str_eq(iscep_json_text(json, "x"), "\\u0000");
}

Test(json, nests_32_deep_and_no_deeper)
{
    char text[2 * (ISCEP_JSON_MAX_DEPTH + 1) + 1];
    for (size_t depth = ISCEP_JSON_MAX_DEPTH; depth <= ISCEP_JSON_MAX_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        if (depth <= ISCEP_JSON_MAX_DEPTH)
            iscep_json_free(parse(text));
        else
            assert_refused(iscep_bytes_of_text(text));
    }
    ISCEP_AUTO_JSON *brackets_in_text = parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"");
    cr_assert_not_null(brackets_in_text);
}

Test(json, a_member_given_twice_is_not_there)
{
    static const char *const doubles[] = {
        "{\"code\":\"Success\",\"code\":\"Success\"}",
        "{\"code\":\"Success\",\"code\":\"ChallengeExpired\"}",
        "{\"code\":\"ChallengeExpired\",\"c\\u006fde\":\"Success\"}",
    };
    for (size_t i = 0; i < COUNT(doubles); i++) {
        ISCEP_AUTO_JSON *json = parse(doubles[i]);
        cr_assert_null(iscep_json_member(json, "code"));
        cr_assert_null(iscep_json_text(json, "code"));
    }
}

Test(json, members_are_found_by_their_exact_name)
{
    ISCEP_AUTO_JSON *json = parse("{\"Code\":\"a\",\"code \":\"b\",\"inner\":{\"code\":\"c\"}}");
    cr_assert_null(iscep_json_member(json, "code"));
    cr_assert_str_eq(iscep_json_text(iscep_json_member(json, "inner"), "code"), "c");
    cr_assert_null(iscep_json_member(NULL, "code"));
    ISCEP_AUTO_JSON *array = parse("[\"code\"]");
    cr_assert_null(iscep_json_member(array, "code"));
}

Test(json, a_value_of_another_type_is_no_text)
{
    static const char *const others[] = {"{\"a\":1}", "{\"a\":null}", "{\"a\":true}", "{\"a\":[\"x\"]}",
                                         "{\"a\":{}}"};
    for (size_t i = 0; i < COUNT(others); i++) {
        ISCEP_AUTO_JSON *json = parse(others[i]);
        cr_assert_null(iscep_json_text(json, "a"), "%s", others[i]);
        cr_assert_null(iscep_json_as_text(iscep_json_member(json, "a")));
    }
}

Test(json, numbers_are_whole_and_exact_or_refused)
{
    static const struct {
        const char *text;
        bool is_right;
        int64_t want;
    } cases[] = {
        {"{\"n\":0}", true, 0},
        {"{\"n\":-1}", true, -1},
        {"{\"n\":4294967295}", true, 4294967295},
        {"{\"n\":1e3}", true, 1000},
        {"{\"n\":9007199254740991}", true, 9007199254740991},
        {"{\"n\":9007199254740993}", false, 0},
        {"{\"n\":1.5}", false, 0},
        {"{\"n\":1e999}", false, 0},
        {"{\"n\":-1e999}", false, 0},
        {"{\"n\":\"1\"}", false, 0},
        {"{\"n\":true}", false, 0},
        {"{\"n\":1,\"n\":1}", false, 0},
        {"{}", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ISCEP_AUTO_JSON *json = parse(cases[i].text);
        int64_t number = 4711;
        cr_assert_eq(iscep_json_int(json, "n", &number), cases[i].is_right, "%s", cases[i].text);
        cr_assert_eq(number, cases[i].is_right ? cases[i].want : 4711, "%s", cases[i].text);
    }
}

Test(json, true_is_only_true)
{
    ISCEP_AUTO_JSON *json = parse("{\"t\":true,\"f\":false,\"s\":\"true\",\"n\":1}");
    cr_assert(iscep_json_is_true(json, "t"));
    cr_assert_not(iscep_json_is_true(json, "f"));
    cr_assert_not(iscep_json_is_true(json, "s"));
    cr_assert_not(iscep_json_is_true(json, "n"));
    cr_assert_not(iscep_json_is_true(json, "absent"));
}

Test(json, elements_are_walked_in_order)
{
    ISCEP_AUTO_JSON *json = parse("{\"a\":\"1\",\"b\":\"2\"}");
    const iscep_json *at = iscep_json_first(json);
    cr_assert_str_eq(iscep_json_name(at), "a");
    cr_assert_str_eq(iscep_json_as_text(at), "1");
    at = iscep_json_next(at);
    cr_assert_str_eq(iscep_json_name(at), "b");
    cr_assert_null(iscep_json_next(at));
    ISCEP_AUTO_JSON *text = parse("\"x\"");
    cr_assert_null(iscep_json_first(text));
    cr_assert_not(iscep_json_is_object(text) || iscep_json_is_array(text));
}

Test(json, numbers_of_an_array_are_whole_or_refused)
{
    ISCEP_AUTO_JSON *array = NULL;
    int64_t number = 0;
    bool is_number[5];
    size_t count = 0;
    cr_assert_eq(iscep_json_parse(&array, iscep_bytes_of_text("[7,1.5,\"1\",null,9007199254740993]"), NULL),
                 ISCEP_OK);
    for (const iscep_json *at = iscep_json_first(array); at != NULL; at = iscep_json_next(at))
        is_number[count++] = iscep_json_as_int(at, &number);
    cr_assert_eq(count, 5);
    cr_assert(is_number[0]);
    cr_assert_eq(number, 7);
    for (size_t i = 1; i < 5; i++)
        cr_assert_not(is_number[i]);
}

Test(json, is_built_compact_and_in_order)
{
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json *inner = iscep_json_add_object(root, "o");
    iscep_json_add_text(inner, "t", "a\"\\/\n\xC3\xBC");
    iscep_json_add_text(inner, "none", NULL);
    iscep_json_add_int(root, "n", -2147483648);
    iscep_json_add_bool(root, "b", false);
    iscep_json *array = iscep_json_add_array(root, "a");
    iscep_json_append_text(array, "x");
    iscep_json_add_int(iscep_json_append_object(array), "y", 1);
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 256);
    cr_assert_eq(iscep_json_emit(&out, root, NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_buf_text(&out),
                     "{\"o\":{\"t\":\"a\\\"\\\\/\\n\xC3\xBC\",\"none\":null},\"n\":-2147483648,"
                     "\"b\":false,\"a\":[\"x\",{\"y\":1}]}");
}

Test(json, without_a_tree_or_room_is_not_emitted)
{
    ISCEP_AUTO_BUF out;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&out, 4);
    cr_assert_eq(iscep_json_emit(&out, NULL, &err), ISCEP_NOMEM);
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json_add_text(root, "a", "b");
    cr_assert_eq(iscep_json_emit(&out, root, &err), ISCEP_NOMEM);
    iscep_json_add_text(NULL, "a", "b"); /* building on nothing does nothing */
    cr_assert_null(iscep_json_add_object(NULL, "a"));
    cr_assert_null(iscep_json_append_object(NULL));
}

Test(json, quoted_text_is_escaped)
{
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 256);
    iscep_json_append_quoted(&out, "a\"b\\c\n\x01\x7F\xC3\xBC</script>");
    cr_assert_str_eq(iscep_buf_text(&out), "\"a\\\"b\\\\c\\u000a\\u0001\\u007f\xC3\xBC</script>\"");
}

/* cJSON's allocations until the one that fails. */
static int allocations_left;

static void *allocate(size_t size)
{
    return allocations_left-- == 0 ? NULL : malloc(size);
}

/* A tree that lost a member for want of memory must not be emitted as if it were whole. */
Test(json, is_whole_or_not_emitted_when_memory_runs_out)
{
    cJSON_Hooks failing_once = {.malloc_fn = allocate, .free_fn = free};
    bool is_emitted = false;
    cJSON_InitHooks(&failing_once);
    for (int failing = 0; failing < 100 && !is_emitted; failing++) {
        allocations_left = failing;
        ISCEP_AUTO_JSON *root = iscep_json_new_object();
        iscep_json *child = iscep_json_add_object(root, "o");
        iscep_json_add_text(child, "t", "a");
        iscep_json_add_int(root, "n", 1);
        iscep_json_add_bool(root, "b", true);
        iscep_json *array = iscep_json_add_array(root, "a");
        iscep_json_append_text(array, "x");
        iscep_json_add_text(iscep_json_append_object(array), "y", NULL);
        ISCEP_AUTO_BUF out;
        iscep_buf_init(&out, 256);
        is_emitted = iscep_json_emit(&out, root, NULL) == ISCEP_OK;
        cr_assert_str_eq(iscep_buf_text(&out),
                         is_emitted ? "{\"o\":{\"t\":\"a\"},\"n\":1,\"b\":true,\"a\":[\"x\",{\"y\":null}]}"
                                    : "");
    }
    cr_assert(is_emitted);
}

Test(json, what_is_not_there_is_shown_as_nothing)
{
    static const char text[] =
        "{\"n\":7,\"t\":\"word\",\"empty\":\"\",\"twice\":1,\"twice\":1,\"null\":null,\"half\":0.5}";
    static const char *const not_numbers[] = {"t", "twice", "null", "half", "absent"};
    static const char *const not_texts[] = {"n", "twice", "null", "absent"};
    ISCEP_AUTO_JSON *json = NULL;
    cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of_text(text), NULL), ISCEP_OK);
    cr_assert_eq(iscep_json_int_or_0(json, "n"), 7);
    cr_assert_str_eq(iscep_json_text_or_empty(json, "t"), "word");
    cr_assert(iscep_json_has_text(json, "t", "word"));
    cr_assert_not(iscep_json_has_text(json, "t", "wor"));
    cr_assert(iscep_json_has_text(json, "empty", ""));
    for (size_t i = 0; i < sizeof not_numbers / sizeof *not_numbers; i++)
        cr_assert_eq(iscep_json_int_or_0(json, not_numbers[i]), 0, "%s", not_numbers[i]);
    for (size_t i = 0; i < sizeof not_texts / sizeof *not_texts; i++) {
        cr_assert_str_eq(iscep_json_text_or_empty(json, not_texts[i]), "", "%s", not_texts[i]);
        cr_assert_not(iscep_json_has_text(json, not_texts[i], ""), "%s", not_texts[i]);
    }
    cr_assert_eq(iscep_json_int_or_0(NULL, "n"), 0);
}
