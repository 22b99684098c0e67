/* See terminal.h. */
#include "ctl/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/held_signals.h"

enum { CTRL_C = 3 };

bool ctl_terminal_is_there(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

/* How a question has ended. */
typedef enum ending { ANSWERED, REFUSED, INTERRUPTED } ending;

/* Is there a byte, or the input's end, before a signal? signals: a signalfd, or -1. */
static bool is_readable_first(int signals)
{
    struct pollfd waited[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (poll(waited, 2, -1) < 0)
        if (errno != EINTR)
            return true; /* read() says why */
    return waited[1].revents == 0;
}

/* Byte by byte, so that nothing of it stays in a buffer of stdio's. */
static ending read_line(iscep_buf *answer, int signals)
{
    char byte = '\0';
    iscep_buf_wipe(answer);
    while (is_readable_first(signals)) {
        if (read(STDIN_FILENO, &byte, 1) != 1 || byte == CTRL_C)
            return REFUSED;
        if (byte == '\n')
            return ANSWERED;
        iscep_buf_append(answer, &byte, 1);
    }
    return INTERRUPTED;
}

static ending ask(iscep_buf *answer, const char *prompt, int signals)
{
    fputs(prompt, stderr);
    fflush(stderr);
    return read_line(answer, signals);
}

/*
 * While nothing is shown, no key sends a signal; Ctrl-C ends the line instead, and what was typed ahead stays. The terminal is dumb
 * before it says that it is. What was typed before an interruption is thrown away: else the shell would read it, and show it.
 */
static ending ask_dumb(iscep_buf *answer, const char *prompt, int signals)
{
    struct termios before, hidden;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return REFUSED;
    hidden = before;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG);
    hidden.c_cc[VEOL] = CTRL_C;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden) != 0)
        return REFUSED;
    const ending end = ask(answer, prompt, signals);
    tcsetattr(STDIN_FILENO, end == INTERRUPTED ? TCSAFLUSH : TCSADRAIN, &before);
    fputc('\n', stderr);
    return end;
}

/*
 * Who asks in the background is stopped, as by the terminal itself, until it is in front: setting what is set already is enough.
 * With the signals held it would change the terminal under whoever is in front.
 */
static bool get_in_front(void)
{
    struct termios same;
    return tcgetattr(STDIN_FILENO, &same) == 0 && tcsetattr(STDIN_FILENO, TCSADRAIN, &same) == 0;
}

/* A signal from elsewhere takes effect when the terminal is as it was. Whom it has only stopped, or not moved, is asked once more. */
static bool ask_hidden(iscep_buf *answer, const char *prompt)
{
    ctl_held_signals held;
    ending end = INTERRUPTED;
    while (end == INTERRUPTED && get_in_front()) {
        ctl_signals_hold(&held);
        const int signals = signalfd(-1, &held.held, SFD_CLOEXEC);
        end = signals >= 0 ? ask_dumb(answer, prompt, signals) : REFUSED;
        if (signals >= 0)
            close(signals);
        ctl_signals_let_go(&held);
    }
    return end == ANSWERED;
}

bool ctl_terminal_ask(iscep_buf *answer, const char *prompt, bool is_hidden)
{
    fflush(stdout);
    return is_hidden ? ask_hidden(answer, prompt) : ask(answer, prompt, -1) == ANSWERED;
}
