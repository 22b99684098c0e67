/* See guard.h. */
#include "plugin/check/guard.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

check_guarded guarded_copy(const check_kit *kit, const void *bytes, size_t len)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t mapped = (len + page - 1) / page * page;
    uint8_t *start = mmap(NULL, mapped + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    kit_expect(kit, start != MAP_FAILED && mprotect(start + mapped, page, PROT_NONE) == 0,
               "the kit has no memory for a guard page");
    uint8_t *data = start + mapped - len;
    if (len > 0) {
        memcpy(data, bytes, len);
    }
    return (check_guarded){.data = data, .start = start, .mapped = mapped};
}

void guarded_allow(const check_kit *kit, const check_guarded *guarded, int protection)
{
    kit_expect(kit, guarded->mapped == 0 || mprotect(guarded->start, guarded->mapped, protection) == 0,
               "the kit cannot protect a page");
}

check_guarded_question guarded_question_copy(const check_kit *kit, question_kind kind,
                                             const check_question *from)
{
    check_guarded_question out = {.part_count = 0};
    check_question copy = *from;
    for (size_t i = 0; i < question_types[kind].field_count; i++) {
        scep_bytes *field = question_field(&copy, kind, i);
        out.parts[out.part_count] = guarded_copy(kit, field->data, field->len);
        field->data = out.parts[out.part_count++].data;
    }
    out.parts[out.part_count] = guarded_copy(kit, &copy, question_types[kind].size);
    out.question = out.parts[out.part_count++].data;
    return out;
}

void guarded_question_allow(const check_kit *kit, const check_guarded_question *guarded, int protection)
{
    for (size_t i = 0; i < guarded->part_count; i++) {
        guarded_allow(kit, &guarded->parts[i], protection);
    }
}
