/*
 * Runs one fuzz target over files and directories of files, in the place of libFuzzer: so the ordinary test run, with
 * any compiler, sees every input that ever broke something. Each input is a block of its own exact size, for
 * AddressSanitizer's sake. Fails if there was nothing to run.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/check.h"

enum { MAX_PATH_LEN = 4096 };

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    FUZZ_CHECK(file != NULL && fstat(fileno(file), &st) == 0);
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(data != NULL && fread(data, 1, size, file) == size);
    fclose(file);
    fprintf(stderr, "replay: %s\n", path); /* before the run, so that the last line names a crash */
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static unsigned run_path(const char *path)
{
    struct dirent **entries = NULL;
    struct stat st;
    FUZZ_CHECK(stat(path, &st) == 0);
    if (!S_ISDIR(st.st_mode)) {
        run_file(path);
        return 1;
    }
    int count = scandir(path, &entries, NULL, alphasort);
    unsigned ran = 0;
    for (int i = 0; i < count; i++) {
        char inner[MAX_PATH_LEN];
        FUZZ_CHECK(snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name) < MAX_PATH_LEN);
        if (entries[i]->d_name[0] != '.')
            ran += run_path(inner);
        free(entries[i]);
    }
    free(entries);
    return ran;
}

int main(int argc, char **argv)
{
    unsigned ran = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        ran += run_path(argv[i]);
    fprintf(stderr, "replay: %u inputs, none broke anything\n", ran);
    return ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
