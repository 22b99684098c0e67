/* See terminal.h. */
#include "ctl/terminal.h"

#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_C = 3 };

bool ctl_terminal_is_there(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

/* Byte by byte, so that nothing of it stays in a buffer of stdio's. */
static bool read_line(iscep_buf *answer)
{
    char byte = '\0';
    iscep_buf_wipe(answer);
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        if (byte == '\n')
            return true;
        if (byte == CTRL_C)
            return false;
        iscep_buf_append(answer, &byte, 1);
    }
    return false;
}

static bool ask(iscep_buf *answer, const char *prompt)
{
    fputs(prompt, stderr);
    fflush(stderr);
    return read_line(answer);
}

/*
 * While nothing is shown, no key sends a signal, which would leave the terminal dumb; Ctrl-C ends the line instead, and what was
 * typed ahead stays. The terminal is dumb before it says that it is.
 */
static bool ask_hidden(iscep_buf *answer, const char *prompt)
{
    struct termios before, hidden;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    hidden = before;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG);
    hidden.c_cc[VEOL] = CTRL_C;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden) != 0)
        return false;
    const bool is_answered = ask(answer, prompt);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    fputc('\n', stderr);
    return is_answered;
}

bool ctl_terminal_ask(iscep_buf *answer, const char *prompt, bool is_hidden)
{
    fflush(stdout);
    return is_hidden ? ask_hidden(answer, prompt) : ask(answer, prompt);
}
