/* See setup_draft.h. */
#include "ctl/setup_draft.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DRAFT_LEN = 256 * 1024 };

/* packaging/connector.conf (connector/CMakeLists.txt) */
extern const unsigned char iscep_connector_conf[];
extern const size_t iscep_connector_conf_len;

/* A line of a text, without its end. */
typedef struct line {
    const char *text;
    size_t at; /* in the whole */
    size_t len;
} line;

/* False: there is none at this place. */
static bool read_line(line *out, const iscep_buf *text, size_t at)
{
    if (at >= text->len)
        return false;
    const char *begin = (const char *)text->data + at;
    const char *end = memchr(begin, '\n', text->len - at);
    *out = (line){.text = begin, .at = at, .len = end != NULL ? (size_t)(end - begin) : text->len - at};
    return true;
}

/* What is commented out is a line as well: "#key = value", "#[section]"; prose has a blank behind its #. */
static line uncommented(const line *of)
{
    const bool is_comment = of->len > 0 && of->text[0] == '#';
    return (line){.text = of->text + is_comment, .at = of->at, .len = of->len - is_comment};
}

static bool is_header(const line *of)
{
    const line bare = uncommented(of);
    return bare.len > 2 && bare.text[0] == '[' && bare.text[bare.len - 1] == ']';
}

static bool is_header_of(const line *of, const char *section)
{
    const line bare = uncommented(of);
    return is_header(of) && bare.len - 2 == strlen(section) &&
           memcmp(bare.text + 1, section, bare.len - 2) == 0;
}

static bool is_setting(const line *of)
{
    const line bare = uncommented(of);
    return bare.len > 0 && islower((unsigned char)bare.text[0]) && memchr(bare.text, '=', bare.len) != NULL;
}

static bool is_setting_of(const line *of, const char *key)
{
    const line bare = uncommented(of);
    size_t len = strlen(key);
    if (!is_setting(of) || bare.len < len || memcmp(bare.text, key, len) != 0)
        return false;
    while (bare.text[len] == ' ')
        len++;
    return bare.text[len] == '=';
}

/* Where in a text a section and a key are. */
typedef struct place {
    line header; /* text NULL: there is none */
    line last;   /* its last line that is no comment of somebody else's */
    line key;    /* text NULL: there is none */
} place;

static void look_at_setting(place *found, const line *here, const char *key)
{
    found->last = *here;
    if (!is_setting_of(here, key))
        return;
    const bool is_better = found->key.text == NULL || (found->key.text[0] == '#' && here->text[0] != '#');
    if (is_better)
        found->key = *here;
}

static place find(const iscep_buf *text, const char *section, const char *key)
{
    place found = {.key.text = NULL};
    line here;
    bool is_inside = false;
    for (size_t at = 0; read_line(&here, text, at); at = here.at + here.len + 1) {
        if (is_header(&here)) {
            is_inside = found.header.text == NULL && is_header_of(&here, section);
            if (is_inside)
                found.header = found.last = here;
        } else if (is_inside && is_setting(&here)) {
            look_at_setting(&found, &here, key);
        }
    }
    return found;
}

static void append_part(iscep_buf *out, const iscep_buf *from, size_t begin, size_t end)
{
    if (end > begin)
        iscep_buf_append(out, from->data + begin, end - begin);
}

/* Takes the place of the text. */
static void become(iscep_buf *text, iscep_buf *changed)
{
    changed->is_overflown = changed->is_overflown || text->is_overflown;
    iscep_buf_clear(text);
    *text = *changed;
}

void ctl_draft_set(iscep_buf *text, const char *section, const char *key, const char *value)
{
    iscep_buf changed;
    const place found = find(text, section, key);
    iscep_buf_init(&changed, text->max_len);
    if (found.header.text == NULL) {
        append_part(&changed, text, 0, text->len);
        iscep_buf_printf(&changed, "\n[%s]\n%s = %s\n", section, key, value);
        become(text, &changed);
        return;
    }
    append_part(&changed, text, 0, found.header.at);
    iscep_buf_printf(&changed, "[%s]", section);
    const size_t behind_header = found.header.at + found.header.len;
    if (found.key.text != NULL) {
        append_part(&changed, text, behind_header, found.key.at);
        iscep_buf_printf(&changed, "%s = %s", key, value);
        append_part(&changed, text, found.key.at + found.key.len, text->len);
    } else {
        append_part(&changed, text, behind_header, found.last.at + found.last.len);
        iscep_buf_printf(&changed, "\n%s = %s", key, value);
        append_part(&changed, text, found.last.at + found.last.len, text->len);
    }
    become(text, &changed);
}

void ctl_draft_name_tenant(iscep_buf *text, const char *name)
{
    static const char begin[] = "[tenant/";
    iscep_buf changed;
    line here = {0};
    size_t at = 0;
    while (read_line(&here, text, at) &&
           (here.len < strlen(begin) || memcmp(here.text, begin, strlen(begin)) != 0))
        at = here.at + here.len + 1;
    if (at >= text->len)
        return;
    iscep_buf_init(&changed, text->max_len);
    append_part(&changed, text, 0, here.at);
    iscep_buf_printf(&changed, "%s%s]", begin, name);
    append_part(&changed, text, here.at + here.len, text->len);
    become(text, &changed);
}

iscep_status ctl_draft_make(iscep_buf *out, const char *tenant_name, const ctl_setting *settings,
                            size_t count, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    char tenant[128];
    snprintf(tenant, sizeof tenant, "tenant/%s", tenant_name);
    iscep_buf_init(&text, MAX_DRAFT_LEN);
    iscep_buf_append(&text, iscep_connector_conf, iscep_connector_conf_len);
    ctl_draft_name_tenant(&text, tenant_name);
    for (size_t i = 0; i < count; i++)
        ctl_draft_set(&text, settings[i].section[0] != '\0' ? settings[i].section : tenant, settings[i].key,
                      settings[i].value);
    if (text.is_overflown)
        return iscep_buf_status(&text, err);
    iscep_buf_append(out, text.data, text.len);
    return iscep_buf_status(out, err);
}
