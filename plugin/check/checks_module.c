/* The file: can it be loaded, what does it show, and can it go again? */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/check/checks.h"
#include "plugin/check/process.h"

void check_load(check_kit *kit)
{
    kit_load(kit, STAGE_MODULE);
}

typedef struct file_image {
    const uint8_t *bytes;
    size_t len;
} file_image;

static file_image map_file(const check_kit *kit, const char *path)
{
    struct stat facts = {.st_size = 0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &facts) == 0 && facts.st_size > 0) {
        bytes = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    kit_expect(kit, bytes != MAP_FAILED, "the file cannot be read");
    return (file_image){bytes, (size_t)facts.st_size};
}

static const void *part_of(const check_kit *kit, const file_image *file, size_t offset, size_t len)
{
    kit_expect(kit, offset <= file->len && len <= file->len - offset, "the ELF file is cut");
    return file->bytes + offset;
}

/* A symbol that other modules are shown. Names of symbol versions are absolute, and no symbols. */
static bool is_shown(const ElfW(Sym) * symbol)
{
    const unsigned binding = ELF64_ST_BIND(symbol->st_info);
    const bool is_version = symbol->st_shndx == SHN_ABS && symbol->st_value == 0;
    return symbol->st_shndx != SHN_UNDEF && binding != STB_LOCAL && !is_version;
}

static void list_shown(const check_kit *kit, const file_image *file, const ElfW(Shdr) * table,
                       const ElfW(Shdr) * names, char *list, size_t list_size)
{
    const size_t count = table->sh_size / sizeof(ElfW(Sym));
    const ElfW(Sym) *symbols = part_of(kit, file, table->sh_offset, count * sizeof(ElfW(Sym)));
    const char *text = part_of(kit, file, names->sh_offset, names->sh_size);
    size_t used = 0;
    for (size_t i = 0; i < count && used < list_size; i++) {
        const char *name = text + symbols[i].st_name;
        if (is_shown(&symbols[i]) && strcmp(name, SCEP_PLUGIN_ENTRY_SYMBOL) != 0) {
            used += (size_t)snprintf(list + used, list_size - used, " %s", name);
        }
    }
}

void check_symbols(check_kit *kit)
{
    char others[512] = "";
    bool has_table = false;
    const file_image file = map_file(kit, kit->options->plugin);
    const ElfW(Ehdr) *header = part_of(kit, &file, 0, sizeof *header);
    kit_expect(kit, memcmp(header->e_ident, ELFMAG, SELFMAG) == 0, "it is no ELF file");
    const ElfW(Shdr) *sections =
        part_of(kit, &file, header->e_shoff, (size_t)header->e_shnum * sizeof(ElfW(Shdr)));
    for (size_t i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type == SHT_DYNSYM && sections[i].sh_link < header->e_shnum) {
            has_table = true;
            list_shown(kit, &file, &sections[i], &sections[sections[i].sh_link], others, sizeof others);
        }
    }
    kit_expect(kit, has_table, "it has no table of dynamic symbols");
    kit_expect(kit, others[0] == '\0', "it also exports%s", others);
}

/* Nothing of it runs on when its code is gone; and it can come back. */
void check_unload(check_kit *kit)
{
    check_reply reply;
    const size_t threads_before = process_count_threads(kit);
    kit_load(kit, STAGE_INSTANCE);
    kit_ask_proper(kit, FORM_BLOCKING, ASK_VERIFY, &reply);
    kit_close(kit, kit->instance);
    const int64_t until_ms = kit_now_ms() + kit->options->margin_ms;
    kit_doing(kit, 0, "dlclose after close");
    dlclose(kit->module);
    if (dlopen(kit->options->plugin, RTLD_NOW | RTLD_NOLOAD) != NULL) {
        return; /* it stays, as it may */
    }
    while (process_count_threads(kit) > threads_before) {
        kit_expect(
            kit, kit_now_ms() < until_ms,
            "after close and dlclose it is unmapped, and has still %zu threads: link it with -z nodelete, or "
            "end them in close",
            process_count_threads(kit) - threads_before);
        kit_wait_until(kit_now_ms() + 5);
    }
    kit_load(kit, STAGE_INSTANCE);
    kit_ask_proper(kit, FORM_BLOCKING, ASK_VERIFY, &reply);
}
