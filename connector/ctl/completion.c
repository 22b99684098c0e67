/*
 * intune-scepctl completion: what makes a shell complete its command lines, made of the tables of commands and options. A
 * line stands at a place: nowhere yet (""), behind a command ("/outbox"), or behind its word ("/outbox/list").
 */
#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/options.h"

typedef struct place {
    const ctl_command *command; /* NULL: nowhere yet */
    const ctl_word *word;       /* NULL: there is none, or not yet */
} place;

static void print_places(void (*print)(const place *at))
{
    const ctl_command *command;
    print(&(place){0});
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        print(&(place){.command = command});
        for (const ctl_word *word = command->words; word != NULL && word->name != NULL; word++)
            print(&(place){.command = command, .word = word});
    }
}

/* Behind a foreign operand's command nothing is an option. */
static unsigned takes_at(const place *at)
{
    if (at->command == NULL)
        return TAKES_CONFIG | TAKES_JSON;
    if (at->command->are_operands_foreign)
        return TAKES_NOTHING;
    return at->command->takes | (at->word != NULL ? at->word->takes : 0);
}

static bool is_file_at(const place *at)
{
    return at->command != NULL && at->command->takes_files &&
           (at->command->words == NULL || at->word != NULL);
}

/* What may come next, by spaces. */
static void print_next(const place *at)
{
    const ctl_command *command;
    for (size_t i = 0; at->command == NULL && (command = ctl_command_at(i)) != NULL; i++)
        printf("%s ", command->name);
    const ctl_word *word = at->command != NULL && at->word == NULL ? at->command->words : NULL;
    for (; word != NULL && word->name != NULL; word++)
        printf("%s ", word->name);
}

typedef enum value_kind { VALUE_NONE, VALUE_FILE, VALUE_CHOICE, VALUE_OTHER } value_kind;

static value_kind kind_of(const ctl_option *option)
{
    if (option->value == NULL)
        return VALUE_NONE;
    if (option->choices != NULL)
        return VALUE_CHOICE;
    return strcmp(option->value, "FILE") == 0 || strcmp(option->value, "PATH") == 0 ? VALUE_FILE
                                                                                    : VALUE_OTHER;
}

/* --- bash, and zsh, which can do as bash does --- */

static void print_bash_place(const place *at)
{
    const ctl_option *option;
    printf("    \"%s%s%s%s\") words=\"", at->command != NULL ? "/" : "",
           at->command != NULL ? at->command->name : "", at->word != NULL ? "/" : "",
           at->word != NULL ? at->word->name : "");
    print_next(at);
    fputs("\" options=\"", stdout);
    for (size_t i = 0; (option = ctl_option_at(i)) != NULL; i++)
        if ((takes_at(at) & option->bit) != 0)
            printf("--%s ", option->name);
    printf("--help\" files=%s ;;\n", is_file_at(at) ? "yes" : "no");
}

/* The options with a value of this kind as a pattern: "--config|-c|…|-" (no option is a lone dash). */
static void print_bash_pattern(value_kind kind)
{
    const ctl_option *option;
    for (size_t i = 0; (option = ctl_option_at(i)) != NULL; i++)
        if (kind_of(option) == kind) {
            printf("--%s|", option->name);
            if (option->letter != '\0')
                printf("-%c|", option->letter);
        }
}

static void print_bash_values(void)
{
    const ctl_option *option;
    fputs("    ", stdout);
    print_bash_pattern(VALUE_FILE);
    puts("-) words= files=yes ;;");
    for (size_t i = 0; (option = ctl_option_at(i)) != NULL; i++)
        if (kind_of(option) == VALUE_CHOICE)
            printf("    --%s) words=\"%s\" ;;\n", option->name, option->choices);
    fputs("    ", stdout);
    print_bash_pattern(VALUE_OTHER);
    puts("-) words= ;;");
}

static int print_bash(const ctl_request *request)
{
    (void)request;
    puts("# Completion for intune-scepctl, made by: intune-scepctl completion bash\n"
         "_intune_scepctl_place() {\n"
         "    case $1 in");
    print_places(print_bash_place);
    puts("    *) return 1 ;;\n"
         "    esac\n"
         "}\n"
         "_intune_scepctl_value() {\n"
         "    files=no\n"
         "    case $1 in");
    print_bash_values();
    puts("    *) return 1 ;;\n"
         "    esac\n"
         "}\n"
         "_intune_scepctl() {\n"
         "    local at= i words options files cur=${COMP_WORDS[COMP_CWORD]}\n"
         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "        case ${COMP_WORDS[i]} in\n"
         "        -*) if _intune_scepctl_value \"${COMP_WORDS[i]}\"; then ((i++)); fi ;;\n"
         "        *) if _intune_scepctl_place \"$at/${COMP_WORDS[i]}\"; then at=$at/${COMP_WORDS[i]}; fi ;;\n"
         "        esac\n"
         "    done\n"
         "    if ((i == COMP_CWORD)); then\n"
         "        _intune_scepctl_place \"$at\"\n"
         "        case $cur in -*) words=$options files=no ;; esac\n"
         "    fi\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "    if [ \"$files\" = yes ]; then\n"
         "        local IFS=$'\\n'\n"
         "        compopt -o filenames 2>/dev/null\n"
         "        COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
         "    fi\n"
         "}\n"
         "complete -F _intune_scepctl intune-scepctl");
    return CTL_YES;
}

static int print_zsh(const ctl_request *request)
{
    puts("#compdef intune-scepctl\n"
         "# A file of fpath; or in .zshrc, behind compinit: source <(intune-scepctl completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit");
    print_bash(request);
    puts("# As a file of fpath this is run by the first tab, which wants an answer.\n"
         "[ \"${funcstack[1]-}\" != _intune-scepctl ] || _bash_complete -F _intune_scepctl");
    return CTL_YES;
}

/* --- fish --- */

static void print_fish_text(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\'')
            fputs("\\'", stdout);
        else
            putchar(*text);
}

static void print_fish_condition(const place *at)
{
    fputs("complete -c intune-scepctl -n '", stdout);
    if (at->command == NULL) {
        fputs("not __fish_seen_subcommand_from ", stdout);
        print_next(at);
    } else {
        printf("__fish_seen_subcommand_from %s", at->command->name);
    }
    if (at->word != NULL)
        printf("; and __fish_seen_subcommand_from %s", at->word->name);
    fputs("' ", stdout);
}

static void print_fish_option(const place *at, const ctl_option *option)
{
    print_fish_condition(at);
    printf("-l %s ", option->name);
    if (option->letter != '\0')
        printf("-s %c ", option->letter);
    if (kind_of(option) == VALUE_FILE)
        fputs("-r -F ", stdout);
    else if (kind_of(option) == VALUE_CHOICE)
        printf("-x -a '%s' ", option->choices);
    else if (kind_of(option) == VALUE_OTHER)
        fputs("-x ", stdout);
    fputs("-d '", stdout);
    print_fish_text(option->help);
    puts("'");
}

/* The words of a command, until there is one. */
static void print_fish_words(const place *at)
{
    printf(
        "complete -c intune-scepctl -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from ",
        at->command->name);
    print_next(at);
    fputs("' -a '", stdout);
    print_next(at);
    puts("'");
}

static void print_fish_place(const place *at)
{
    const ctl_option *option;
    const unsigned takes = at->word != NULL ? at->word->takes : takes_at(at);
    for (size_t i = 0; (option = ctl_option_at(i)) != NULL; i++)
        if ((takes & option->bit) != 0)
            print_fish_option(at, option);
    if (at->command != NULL && at->command->words != NULL && at->word == NULL)
        print_fish_words(at);
    if (is_file_at(at)) {
        print_fish_condition(at);
        puts("-F");
    }
}

static int print_fish(const ctl_request *request)
{
    const ctl_command *command;
    (void)request;
    puts("# Completion for intune-scepctl, made by: intune-scepctl completion fish\n"
         "complete -c intune-scepctl -f\n"
         "complete -c intune-scepctl -l help -s h -d 'show a command\\'s help'");
    for (size_t i = 0; (command = ctl_command_at(i)) != NULL; i++) {
        print_fish_condition(&(place){0});
        printf("-a %s -d '", command->name);
        print_fish_text(command->summary);
        puts("'");
    }
    print_places(print_fish_place);
    return CTL_YES;
}

const ctl_word ctl_completion_words[] = {
    {"bash", 0, 0, TAKES_NOTHING, print_bash},
    {"zsh", 0, 0, TAKES_NOTHING, print_zsh},
    {"fish", 0, 0, TAKES_NOTHING, print_fish},
    {0},
};
