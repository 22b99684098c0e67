/* See print.h. */
#include "ctl/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_WIDTH = 20, LINE_WIDTH = 110, MAX_TEXT_LEN = 32 * 1024 * 1024 };

/* The length of the control character that starts here, 0 if it is none: ASCII's, or U+0080 to U+009F in UTF-8. */
static size_t control_len(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x20 || at[0] == 0x7F)
        return 1;
    return at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0 ? 2 : 0;
}

static void print_bytes(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t control = control_len(text + i);
        putchar(control > 0 ? '?' : text[i]);
        i += control > 0 ? control : 1;
    }
}

void ctl_print_text(const char *text)
{
    print_bytes(text, strlen(text));
}

void ctl_print_fact(const char *label, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    printf("%-*s ", LABEL_WIDTH, label);
    ctl_print_text(len >= 0 ? text : "(out of memory)");
    putchar('\n');
    if (len >= 0)
        free(text);
}

void ctl_print_words(const char *text, int indent)
{
    int column = indent;
    while (*text != '\0') {
        int len = (int)strcspn(text, " ");
        if (column > indent && column + 1 + len > LINE_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        print_bytes(text, (size_t)len);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    putchar('\n');
}

int ctl_print_json(const iscep_json *json, int exit_code)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_TEXT_LEN);
    if (iscep_json_emit(&text, json, NULL) != ISCEP_OK) {
        fputs("intune-scepctl: out of memory\n", stderr);
        return CTL_UNKNOWN;
    }
    puts(iscep_buf_text(&text));
    return exit_code;
}

int ctl_print_error(const ctl_request *request, int exit_code, const iscep_error *err)
{
    if (!request->is_json) {
        fprintf(stderr, "intune-scepctl: %s\n", err->message);
        return exit_code;
    }
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json *error = iscep_json_add_object(root, "error");
    iscep_json_add_text(error, "class", iscep_status_name(err->status));
    iscep_json_add_text(error, "code", err->code);
    iscep_json_add_text(error, "message", err->message);
    return ctl_print_json(root, exit_code);
}
