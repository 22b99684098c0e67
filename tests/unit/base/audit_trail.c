/* See audit_trail.h. */
#include "tests/unit/base/audit_trail.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

fake_env world;
static temp_dir dir;
char path[128], old_path[128];
iscep_audit *audit;
iscep_error err;

void trail_set_up(void)
{
    err = (iscep_error)ISCEP_ERROR_INIT;
    fake_env_init(&world);
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "audit");
    temp_dir_path(&dir, old_path, sizeof old_path, "audit.1");
}

void trail_tear_down(void)
{
    iscep_audit_close(audit);
    temp_dir_remove(&dir);
    fake_env_clear(&world);
}

void trail_open(void)
{
    cr_assert_eq(iscep_audit_open(&audit, &world.env, path, &err), ISCEP_OK, "%s", err.message);
}

void trail_close(void)
{
    iscep_audit_close(audit);
    audit = NULL;
}

void trail_write(int count)
{
    for (int i = 0; i < count; i++)
        iscep_audit_event(audit, "decided", ISCEP_LOG_NUM("number", i));
}

void trail_refuse(const char *reason)
{
    iscep_audit *none = NULL;
    cr_assert_eq(iscep_audit_open(&none, &world.env, path, &err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, reason), "%s", err.message);
}

/* --- the trail as text --- */

static void read_file(iscep_buf *out, const char *from)
{
    char piece[4096];
    size_t len;
    FILE *file = fopen(from, "rb");
    cr_assert_not_null(file);
    iscep_buf_init(out, MAX_TRAIL_LEN);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        iscep_buf_append(out, piece, len);
    fclose(file);
}

void write_file(const char *to, const char *text, size_t len, const char *mode)
{
    FILE *file = fopen(to, mode);
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, len, file), len);
    cr_assert_eq(fclose(file), 0);
}

void trail_load(trail *out, const char *from)
{
    *out = (trail){0};
    read_file(&out->text, from);
    char *rest = (char *)(uintptr_t)iscep_buf_text(&out->text), *line;
    while ((line = strsep(&rest, "\n")) != NULL && rest != NULL) {
        cr_assert_lt(out->count, (size_t)MAX_LINES);
        out->lines[out->count++] = line;
    }
}

void trail_store(const trail *from)
{
    iscep_buf text;
    iscep_buf_init(&text, MAX_TRAIL_LEN);
    for (size_t i = 0; i < from->count; i++)
        iscep_buf_printf(&text, "%s\n", from->lines[i]);
    write_file(path, (const char *)text.data, text.len, "wb");
    iscep_buf_clear(&text);
}

void trail_clear(trail *used)
{
    iscep_buf_clear(&used->text);
}

iscep_audit_chain trail_check_files(const char *const *files, size_t count,
                                    const iscep_audit_link *remembered)
{
    iscep_audit_chain chain;
    iscep_audit_chain_init(&chain, remembered);
    for (size_t i = 0; i < count; i++) {
        iscep_buf text;
        read_file(&text, files[i]);
        iscep_audit_chain_begin_file(&chain);
        for (size_t at = 0; at < text.len;
             at += 7) /* in small pieces: no line may depend on how it is read */
            iscep_audit_chain_feed(&chain,
                                   iscep_bytes_of(text.data + at, text.len - at < 7 ? text.len - at : 7));
        iscep_audit_chain_end_file(&chain);
        iscep_buf_clear(&text);
    }
    iscep_audit_chain_clear(&chain);
    return chain;
}

iscep_audit_chain trail_check(void)
{
    const char *const files[] = {path};
    return trail_check_files(files, 1, NULL);
}

void trail_assert_sound(const iscep_audit_chain *chain, uint64_t lines)
{
    cr_assert_eq(chain->fault, ISCEP_AUDIT_SOUND, "%s at line %llu", iscep_audit_fault_name(chain->fault),
                 (unsigned long long)chain->fault_line);
    cr_assert_eq(chain->line_count, lines);
}

void trail_assert_fault(const iscep_audit_chain *chain, iscep_audit_fault fault, uint64_t line)
{
    cr_assert_eq(chain->fault, fault, "%s", iscep_audit_fault_name(chain->fault));
    cr_assert_eq(chain->fault_line, line, "line %llu", (unsigned long long)chain->fault_line);
}

void trail_make(trail *out, int lines)
{
    trail_open();
    trail_write(lines);
    trail_close();
    trail_load(out, path);
    cr_assert_eq(out->count, (size_t)lines);
}
