/* intune-scepctl codes: what Intune refuses with, what the connector refuses with, and what to make of them. */
#include "intune/codes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/print.h"
#include "intune/advice.h"
#include "service/refusals.h"

enum { INDENT = 4 };

/* Intune's, then our own; NULL behind the last. */
static const iscep_code *code_at(size_t index)
{
    size_t intune_count = 0;
    while (iscep_code_at(intune_count) != NULL)
        intune_count++;
    return index < intune_count ? iscep_code_at(index) : iscep_refusal_at(index - intune_count);
}

static const iscep_code *find(const char *code)
{
    const iscep_code *found = iscep_code_find(code);
    return found != NULL ? found : iscep_refusal_find(code);
}

static const iscep_code *find_without_case(const char *code)
{
    for (size_t i = 0; code_at(i) != NULL; i++)
        if (strcasecmp(code_at(i)->code, code) == 0)
            return code_at(i);
    return NULL;
}

static void add_code(iscep_json *to, const iscep_code *code)
{
    iscep_json_add_text(to, "code", code->code);
    iscep_json_add_text(to, "class", iscep_code_class_name(code->code_class));
    iscep_json_add_text(to, "meaning", code->meaning);
    iscep_json_add_text(to, "advice", code->advice);
}

static void print_code(const iscep_code *code)
{
    printf("%s (%s)\n%*s", code->code, iscep_code_class_name(code->code_class), INDENT, "");
    ctl_print_words(code->meaning, INDENT);
    printf("%*s", INDENT, "");
    ctl_print_words(code->advice, INDENT);
}

static void print_table(iscep_json *all, bool is_json, const iscep_code *(*at)(size_t index))
{
    for (size_t i = 0; at(i) != NULL; i++) {
        if (is_json)
            add_code(iscep_json_append_object(all), at(i));
        else
            print_code(at(i));
    }
}

static int print_all(const ctl_request *request)
{
    ISCEP_AUTO_JSON *all = iscep_json_new_array();
    print_table(all, request->is_json, iscep_code_at);
    print_table(all, request->is_json, iscep_refusal_at);
    return request->is_json ? ctl_print_json(all, CTL_YES) : CTL_YES;
}

/* No refusal in any table: perhaps it stands for a retry, or is Intune's yes, or is written wrongly. */
static int explain_other(const ctl_request *request, const char *name)
{
    iscep_error err;
    const iscep_code *near = find_without_case(name);
    const char *advice = iscep_advice_find(name);
    if (strcmp(name, "Success") == 0)
        iscep_error_set(&err, ISCEP_USAGE, "code_unknown", "Success is Intune's yes, and no refusal");
    else if (advice != NULL)
        iscep_error_set(&err, ISCEP_USAGE, "code_unknown",
                        "%s is no refusal: nobody could say yes or no, and the device may ask again; %s",
                        name, advice);
    else if (near != NULL)
        iscep_error_set(&err, ISCEP_USAGE, "code_unknown", "there is no code %s; did you mean %s?", name,
                        near->code);
    else
        iscep_error_set(
            &err, ISCEP_USAGE, "code_unknown",
            "there is no code %s that we know. Intune's list is open: the connector refuses with what it "
            "does not know, and passes it on as it came. intune-scepctl codes lists the known ones",
            name);
    return ctl_print_error(request, CTL_NO, &err);
}

int ctl_codes(const ctl_request *request)
{
    if (request->operand_count == 0)
        return print_all(request);
    const iscep_code *code = find(request->operands[0]);
    if (code == NULL)
        return explain_other(request, request->operands[0]);
    if (!request->is_json) {
        print_code(code);
        return CTL_YES;
    }
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    add_code(root, code);
    return ctl_print_json(root, CTL_YES);
}
