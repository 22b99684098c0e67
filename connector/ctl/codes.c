/* intune-scepctl codes: what Intune, the connector and the plugin answer with, and what to make of it. */
#include "intune/codes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/advice.h"
#include "ctl/plugin_codes.h"
#include "ctl/print.h"
#include "intune/advice.h"
#include "service/refusals.h"

enum { INDENT = 4 };

typedef const iscep_code *code_at_fn(size_t index);

/* Intune's refusals, the connector's, and the plugin's. */
static code_at_fn *const tables[] = {iscep_code_at, iscep_refusal_at, ctl_plugin_refusal_at};
enum { TABLE_COUNT = sizeof tables / sizeof *tables };

static const iscep_code *find(const char *code, int (*compare)(const char *a, const char *b))
{
    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (size_t i = 0; tables[t](i) != NULL; i++)
            if (compare(tables[t](i)->code, code) == 0)
                return tables[t](i);
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

static void print_table(iscep_json *all, bool is_json, code_at_fn *at)
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
    for (size_t t = 0; t < TABLE_COUNT; t++)
        print_table(all, request->is_json, tables[t]);
    return request->is_json ? ctl_print_json(all, CTL_YES) : CTL_YES;
}

static void print_finding(const char *name, const ctl_advice *finding)
{
    printf("%s (no refusal, but a finding of intune-scepctl doctor)\n%*s", name, INDENT, "");
    ctl_print_words(finding->cause, INDENT);
    printf("%*s", INDENT, "");
    ctl_print_words(finding->advice, INDENT);
}

/* What doctor says about the code: more than one thing if its step decides. False: nothing. */
static bool explain_finding(const ctl_request *request, const char *name)
{
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json_add_text(root, "code", name);
    iscep_json *findings = iscep_json_add_array(root, "findings");
    bool is_found = false;
    for (size_t i = 0; ctl_advice_at(i) != NULL; i++) {
        const ctl_advice *finding = ctl_advice_at(i);
        if (finding->code == NULL || strcmp(finding->code, name) != 0)
            continue;
        is_found = true;
        iscep_json *entry = iscep_json_append_object(findings);
        iscep_json_add_text(entry, "step", finding->step);
        iscep_json_add_text(entry, "meaning", finding->cause);
        iscep_json_add_text(entry, "advice", finding->advice);
        if (!request->is_json)
            print_finding(name, finding);
    }
    if (is_found && request->is_json)
        ctl_print_json(root, CTL_NO);
    return is_found;
}

/* Entra's numbers and Intune's words are more than we know; ours begin with a small letter, and are all known. */
static const char *describe_unknown(const char *name)
{
    if (strncmp(name, "AADSTS", 6) == 0)
        return "is an error of Entra ID that we do not know, and no refusal: look it up at "
               "login.microsoftonline.com/error, and at Sign-in logs > Service principal sign-ins in the "
               "Entra "
               "admin centre";
    if (name[0] >= 'A' && name[0] <= 'Z')
        return "is no code that we know. Intune's list is open: the connector refuses with what it does not "
               "know, and passes it on as it came. intune-scepctl codes lists the known ones";
    return "is no refusal, and nothing else that can be explained. intune-scepctl codes lists the refusals";
}

/* Answers that are no refusals: Intune's yes, and what the journal makes of a question. */
static const char *find_yes(const char *name)
{
    static const struct {
        const char *code;
        const char *meaning;
    } answers[] = {
        {"Success", "is Intune's yes"},
        {"already_issued",
         "means that a certificate was issued and reported for this very request before: the SCEP "
         "server delivers that one"},
        {"already_reported",
         "means that Intune has taken note of this report before: the SCEP server delivers"},
        {"report_queued",
         "means that the report is on disk and Intune will be told (report = deferred): the SCEP "
         "server delivers"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (strcmp(answers[i].code, name) == 0)
            return answers[i].meaning;
    return NULL;
}

/* No refusal in any table: perhaps it stands for a retry, or is Intune's yes, or is written wrongly. */
static int explain_other(const ctl_request *request, const char *name)
{
    iscep_error err;
    const iscep_code *near = find(name, strcasecmp);
    const char *retry = iscep_advice_find(name);
    if (retry == NULL)
        retry = ctl_plugin_retry_find(name);
    if (retry == NULL && explain_finding(request, name))
        return CTL_NO;
    if (find_yes(name) != NULL)
        iscep_error_set(&err, ISCEP_USAGE, "code_unknown", "%s %s, and is no refusal", name, find_yes(name));
    else if (retry != NULL)
        iscep_error_set(&err, ISCEP_USAGE, "code_unknown",
                        "%s is no refusal: nobody could say yes or no, and the device may ask again; %s",
                        name, retry);
    else if (near != NULL)
        iscep_error_set(&err, ISCEP_USAGE, "code_unknown", "there is no code %s; did you mean %s?", name,
                        near->code);
    else
        iscep_error_set(&err, ISCEP_USAGE, "code_unknown", "%s %s", name, describe_unknown(name));
    return ctl_print_error(request, CTL_NO, &err);
}

int ctl_codes(const ctl_request *request)
{
    if (request->operand_count == 0)
        return print_all(request);
    const iscep_code *code = find(request->operands[0], strcmp);
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
