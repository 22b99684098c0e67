/* What is typed becomes a request, or a complaint that says what is wrong with it. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "ctl/commands.h"
#include "ctl/options.h"

enum { MAX_WORDS = 8 };

/* words: as after "intune-scepctl". */
static bool parse(ctl_typed *out, const char *const *words, bool is_first_word)
{
    char *argv[MAX_WORDS + 2] = {"intune-scepctl"};
    int argc = 1;
    while (words[argc - 1] != NULL) {
        argv[argc] = (char *)words[argc - 1];
        argc++;
    }
    return ctl_options_parse(out, argc, argv, is_first_word);
}

Test(options, stand_before_and_behind_the_operands)
{
    ctl_typed typed = {0};
    const char *const words[] = {"--socket", "/s", "a", "-c", "f", "b", "--limit=7", "--json", NULL};
    cr_assert(parse(&typed, words, false));
    cr_assert_str_eq(typed.request.socket_path, "/s");
    cr_assert_str_eq(typed.request.config_path, "f");
    cr_assert_eq(typed.request.limit, 7);
    cr_assert(typed.request.is_json);
    cr_assert_eq(typed.request.given, TAKES_SOCKET | TAKES_CONFIG | TAKES_LIMIT | TAKES_JSON);
    cr_assert_eq(typed.request.operand_count, 2);
}

Test(options, of_the_first_word_are_its_own)
{
    ctl_typed typed = {0};
    const char *const words[] = {"--json", "trace", "--all", "x", NULL};
    cr_assert(parse(&typed, words, true));
    cr_assert_eq(typed.request.given, TAKES_JSON);
    cr_assert_eq(typed.request.operand_count, 3);
    cr_assert_str_eq(typed.request.operands[0], "trace");
}

Test(options, may_come_again_where_the_table_says_so)
{
    ctl_typed typed = {0};
    const char *const words[] = {"--set", "a=1", "--set=b=2", "--limit", "3", "--limit", "4", NULL};
    cr_assert(parse(&typed, words, false));
    cr_assert_eq(typed.request.set.count, 2);
    cr_assert_str_eq(typed.request.set.texts[0], "a=1");
    cr_assert_str_eq(typed.request.set.texts[1], "b=2");
    cr_assert_eq(typed.request.limit, 4);
    const char *const one_more[] = {"--set", "c=3", NULL};
    typed.request.set.count = CTL_MAX_TEXTS;
    cr_assert_not(parse(&typed, one_more, false));
    cr_assert_str_eq(typed.problem, "--set may come 32 times, not more");
}

Test(options, that_make_no_sense_are_refused_with_their_name)
{
    static const struct {
        const char *words[3];
        const char *problem;
    } cases[] = {
        {{"--bogus"}, "--bogus: no such option, or not with a value; try --help"},
        {{"-x"}, "-x: no such option, or not with a value; try --help"},
        {{"-xyz"}, "-x: no such option, or not with a value; try --help"},
        {{"-all", "3"}, "-a: no such option, or not with a value; try --help"},
        {{"--all=3"}, "--all: no such option, or not with a value; try --help"},
        {{"--by"}, "--by: a value is missing; try --help"},
        {{"--by", "colour"}, "--by must be one of: transaction serial subject"},
        {{"--by", "serial subject"}, "--by must be one of: transaction serial subject"},
        {{"--by", ""}, "--by must be one of: transaction serial subject"},
        {{"--limit", "0"}, "--limit must be a number from 1 to 1000"},
        {{"--limit", "1001"}, "--limit must be a number from 1 to 1000"},
        {{"--limit", "18446744073709551617"}, "--limit must be a number from 1 to 1000"},
        {{"--limit", "1x"}, "--limit must be a number from 1 to 1000"},
        {{"--limit", "-1"}, "--limit must be a number from 1 to 1000"},
        {{"--limit", ""}, "--limit must be a number from 1 to 1000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ctl_typed typed = {0};
        cr_assert_not(parse(&typed, cases[i].words, false), "%s", cases[i].problem);
        cr_assert_str_eq(typed.problem, cases[i].problem);
    }
}

Test(options, of_the_table_have_each_a_name_a_bit_and_a_help_of_their_own)
{
    unsigned seen = 0;
    const ctl_option *option;
    for (size_t i = 0; (option = ctl_option_at(i)) != NULL; i++) {
        cr_assert(option->name != NULL && option->help != NULL);
        cr_assert(option->bit != 0 && (option->bit & (option->bit - 1)) == 0, "%s: one bit", option->name);
        cr_assert_eq(seen & option->bit, 0, "%s: its bit is another's", option->name);
        cr_assert_eq(option->kind == CTL_OPTION_FLAG, option->value == NULL, "%s", option->name);
        seen |= option->bit;
    }
}

Test(commands, of_the_table_run_or_have_words_that_do)
{
    const ctl_command *command;
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        cr_assert_eq(ctl_command_find(command->name), command);
        cr_assert((command->run == NULL) == (command->words != NULL), "%s", command->name);
        cr_assert(command->operands != NULL && command->summary != NULL && command->help != NULL);
    }
}

Test(commands, refuse_what_they_do_not_take)
{
    static const struct {
        const char *command;
        unsigned given;
        const char *operands[2];
        size_t operand_count;
    } cases[] = {
        {"doctor", TAKES_SOCKET, {NULL}, 0},
        {"trace", 0, {NULL}, 0},
        {"inspect", 0, {"a", "b"}, 2},
        {"outbox", 0, {NULL}, 0},
        {"outbox", 0, {"frob"}, 1},
        {"outbox", 0, {"lis"}, 1},
        {"outbox", TAKES_YES, {"list"}, 1},
        {"outbox", 0, {"show"}, 1},
        {"outbox", TAKES_LIMIT, {"show", "1"}, 2},
        {"audit", 0, {"verify"}, 1},
    };
    cr_redirect_stderr();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ctl_request request = {.config_path = "/none",
                                     .given = cases[i].given,
                                     .operands = (char *const *)cases[i].operands,
                                     .operand_count = cases[i].operand_count};
        cr_assert_eq(ctl_command_run(ctl_command_find(cases[i].command), &request), CTL_USAGE, "case %zu", i);
    }
}
