/* See progress.h. */
#include "progress.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

/* Without SA_RESTART: whoever waits for a child is woken, stops it, and everything is cleaned up. */
void bench_progress_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

iscep_status bench_progress_check(iscep_error *err)
{
    return is_interrupted == 0 ? ISCEP_OK : iscep_error_set(err, ISCEP_USAGE, "interrupted", "interrupted");
}

void bench_progress_show(const char *format, ...)
{
    va_list arguments;
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    fputs(is_terminal ? "\r\033[Kiscep-bench: " : "iscep-bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(is_terminal ? "" : "\n", stderr);
    fflush(stderr);
}

void bench_progress_end(void)
{
    if (isatty(STDERR_FILENO) == 1)
        fputs("\r\033[K", stderr);
}
