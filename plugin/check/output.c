/* See output.h. */
#include "plugin/check/output.h"

#include <stdio.h>

static void put_json_text(const char *text)
{
    putchar('"');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            printf("\\%c", *at);
        } else if ((unsigned char)*at < 0x20) {
            printf("\\u%04x", (unsigned)*at);
        } else {
            putchar(*at);
        }
    }
    putchar('"');
}

static void put_json_member(const char *name, const char *value)
{
    printf(",\"%s\":", name);
    put_json_text(value);
}

void output_list(bool is_json)
{
    for (size_t i = 0; i < check_count; i++) {
        if (is_json) {
            printf("%s{\"check\":", i == 0 ? "[" : ",");
            put_json_text(check_list[i].name);
            put_json_member("promise", check_list[i].promise);
            putchar('}');
        } else {
            printf("%-26s %s\n", check_list[i].name, check_list[i].promise);
        }
    }
    fputs(is_json ? "]\n" : "", stdout);
}

void output_begin(check_output *output, const check_options *options)
{
    *output = (struct check_output){.is_json = options->wants_json};
    if (output->is_json) {
        fputs("{\"plugin\":", stdout);
        put_json_text(options->plugin);
        fputs(",\"checks\":[", stdout);
    }
}

static const char *word_of(check_outcome outcome)
{
    return outcome == OUTCOME_GREEN ? "ok" : outcome == OUTCOME_RED ? "FAIL" : "skip";
}

static void count(check_output *output, check_outcome outcome)
{
    output->green += outcome == OUTCOME_GREEN;
    output->red += outcome == OUTCOME_RED;
    output->skipped += outcome == OUTCOME_SKIPPED;
}

static void put_line(const check_row *check, const check_verdict *verdict)
{
    if (verdict->outcome == OUTCOME_GREEN) {
        printf("ok   %s\n", check->name);
        return;
    }
    printf("%s %s: %s\n", word_of(verdict->outcome), check->name, verdict->reason);
    if (verdict->outcome == OUTCOME_RED) {
        printf("     scep_plugin.h: \"%s\"\n", verdict->promise);
    }
}

void output_check(check_output *output, const check_row *check, const check_verdict *verdict, bool is_reached)
{
    count(output, verdict->outcome);
    output->unreached += !is_reached;
    if (!output->is_json && is_reached) {
        put_line(check, verdict);
    } else if (output->is_json) {
        printf("%s{\"check\":", output->has_checks ? "," : "");
        put_json_text(check->name);
        put_json_member("outcome", word_of(verdict->outcome));
        put_json_member("reason", verdict->reason);
        put_json_member("promise", verdict->promise);
        putchar('}');
    }
    output->has_checks = true;
    fflush(stdout);
}

void output_end(const check_output *output, const check_report *report, const char *word)
{
    if (output->is_json) {
        putchar(']');
        put_json_member("name", report->name);
        put_json_member("version", report->version);
        put_json_member("result", word);
        printf(",\"abi\":[%u,%u],\"ok\":%zu,\"failed\":%zu,\"skipped\":%zu}\n", report->abi_major,
               report->abi_minor, output->green, output->red, output->skipped);
        return;
    }
    if (output->unreached > 0) {
        printf("skip %zu more, which need what did not come about\n", output->unreached);
    }
    if (report->name[0] != '\0') {
        printf("%s %s, ABI %u.%u: ", report->name, report->version, report->abi_major, report->abi_minor);
    }
    printf("%s: %zu ok, %zu failed, %zu skipped\n", word, output->green, output->red, output->skipped);
}
