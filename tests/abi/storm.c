/*
 * The storm: many threads on two instances of a plugin that asks a Unix socket, with forks, cancels, and instances that come and
 * go; first with a connector that is always there, then with one that is killed again and again. Every answer must be the one
 * to its own question, and none may be lost.
 *
 *     storm PLUGIN.so THREADS ROUNDS RESTARTS
 *
 * Each thread does each thing ROUNDS times in calm weather, and again while the connector is restarted RESTARTS times. Exit
 * codes: 0 all of that held, 1 something did not. A sanitizer's report ends it with the sanitizer's own.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storm_crowd.h"

static const scep_plugin *load(const char *file)
{
    void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    scep_plugin_entry_fn entry = NULL;
    const scep_plugin *plugin = NULL;
    if (module != NULL) {
        *(void **)&entry = dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL);
    }
    if (entry == NULL || entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin) != SCEP_OK) {
        fprintf(stderr, "storm: %s: %s\n", file, module == NULL ? dlerror() : "no plugin of our version");
        exit(1);
    }
    return plugin; /* stays loaded, so that a sanitizer can name its functions */
}

static unsigned count_entries(const char *path)
{
    DIR *directory = opendir(path);
    unsigned count = 0;
    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

static bool expect(bool is_so, const char *claim)
{
    if (!is_so) {
        fprintf(stderr, "storm: not so: %s\n", claim);
    }
    return is_so;
}

static bool judge(const storm_crowd *crowd, const storm_tally *tally, unsigned long allowed_before)
{
    const storm_connector_state *connector = crowd->weather->connector;
    const unsigned long said = atomic_load(&connector->allowed) - allowed_before;
    printf("%s: asked %lu, answered %lu (%lu allowed), cancelled %lu, asked again %lu, forks %lu, "
           "revocations %lu, "
           "connectors %u\n",
           crowd->restarts > 0 ? "weather" : "calm", tally->asked, tally->right, tally->allowed,
           tally->cancelled, tally->asked_again, tally->forks, tally->revocations, connector->starts);
    const bool is_bad = crowd->restarts > 0;
    bool is_good = expect(tally->wrong == 0, "every answer belongs to its question");
    is_good &= expect(tally->asked == tally->right + tally->cancelled, "no question is lost");
    is_good &= expect(tally->lost_children == 0, "every child ends by itself, and with 0");
    is_good &= expect(tally->allowed > 0 && tally->allowed <= said, "who is allowed was allowed");
    is_good &= expect(tally->forks > 0 && tally->cancelled > 0, "there were forks and cancels");
    is_good &= expect(is_bad || tally->asked_again == 0, "in calm weather nobody has to ask again");
    is_good &= expect(!is_bad || tally->asked_again > 0, "the weather was felt");
    is_good &= expect(tally->revocations > 0, "revocations were carried out meanwhile");
    return is_good;
}

/* One phase, with instances of its own; afterwards nothing of them is left. */
static bool run(storm_crowd *crowd)
{
    const unsigned long allowed_before = atomic_load(&crowd->weather->connector->allowed);
    const unsigned descriptors = count_entries("/proc/self/fd");
    crowd->tally =
        mmap(NULL, sizeof *crowd->tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (crowd->tally == MAP_FAILED) {
        return expect(false, "there is memory for the tally");
    }
    storm_crowd_open(crowd);
    storm_crowd_run(crowd);
    storm_crowd_close(crowd);
    bool is_good = judge(crowd, crowd->tally, allowed_before);
    is_good &= expect(count_entries("/proc/self/fd") == descriptors, "no descriptor is left open");
    munmap(crowd->tally, sizeof *crowd->tally);
    return is_good;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("Usage: storm PLUGIN.so THREADS ROUNDS RESTARTS\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    char directory[] = "/tmp/iscep-storm-XXXXXX", path[64];
    if (mkdtemp(directory) == NULL) {
        perror("storm: mkdtemp");
        return 1;
    }
    snprintf(path, sizeof path, "%s/s", directory);
    storm_weather weather;
    storm_weather_begin(&weather, path);
    storm_crowd crowd = {.plugin = load(argv[1]),
                         .socket_path = path,
                         .weather = &weather,
                         .threads = (unsigned)strtoul(argv[2], NULL, 10),
                         .rounds = (unsigned)strtoul(argv[3], NULL, 10)};
    bool is_good = run(&crowd);
    crowd.restarts = (unsigned)strtoul(argv[4], NULL, 10);
    storm_weather_turn_bad(&weather);
    is_good &= run(&crowd);
    storm_weather_end(&weather);
    rmdir(directory);
    return is_good ? 0 : 1;
}
