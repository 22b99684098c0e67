/*
 * An exchange that another loop answers. Between the two stands a loan: what came goes over as the copy, whose thread is
 * the borrower's; its shell stays with the connection, on the lender's thread; and the answer comes back in the loan.
 * Nothing can fail on the way, because the messages are part of it.
 *
 * The loan lives as long as anybody has it: the shell, the copy, and each message under way. The lender's loop is only
 * written to while the shell is there (its connection, so its server, so its loop), and the borrower's while the copy is:
 * that is what the lock is for.
 */
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_server_internal.h"

enum { MAX_LINES_LEN = 8 * 1024, MAX_TYPE_LEN = 256 };

struct iscep_loan {
    iscep_loop *home; /* the lender's */
    iscep_loop *away; /* the borrower's */
    iscep_http_handler handler;
    void *user;
    iscep_exchange *shell; /* of home's thread; NULL once it is gone */
    iscep_exchange *copy;  /* of away's thread; likewise */
    iscep_loop_item lending, going, answering;
    /* The answer, from its end on. */
    bool is_silent; /* there is none */
    int32_t status;
    iscep_buf type, lines, body;
    pthread_mutex_t lock; /* guards what follows */
    unsigned owners;
    bool has_shell;
    bool has_copy;
};

/* That many of the owners have it no longer. */
static void let_go(struct iscep_loan *loan, unsigned owners)
{
    pthread_mutex_lock(&loan->lock);
    loan->owners -= owners;
    const bool is_last = loan->owners == 0;
    pthread_mutex_unlock(&loan->lock);
    if (!is_last)
        return;
    iscep_buf_clear(&loan->type);
    iscep_buf_clear(&loan->lines);
    iscep_buf_clear(&loan->body);
    pthread_mutex_destroy(&loan->lock);
    free(loan);
}

static void on_dropped(void *user)
{
    let_go(user, 1);
}

static void post_locked(struct iscep_loan *loan, iscep_loop *loop, iscep_loop_item *item)
{
    loan->owners++;
    iscep_loop_post_item(loop, item);
}

/* --- on the borrower's thread --- */

static void on_lent(void *user)
{
    struct iscep_loan *loan = user;
    loan->handler(loan->copy, loan->user);
    let_go(loan, 1);
}

/* The borrower's loop ends before it has seen the request. */
static void on_not_lent(void *user)
{
    struct iscep_loan *loan = user;
    iscep_exchange_reply_busy(loan->copy, "stopping", 1);
    let_go(loan, 1);
}

static void on_going(void *user)
{
    struct iscep_loan *loan = user;
    if (loan->copy != NULL)
        iscep_exchange_tell_gone(loan->copy);
    let_go(loan, 1);
}

static void keep_answer(struct iscep_loan *loan, const iscep_reply *reply)
{
    loan->status = reply->status;
    iscep_buf_append_text(&loan->type,
                          reply->content_type != NULL ? reply->content_type : "application/json");
    iscep_exchange_emit_lines(&loan->lines, reply);
    iscep_buf_append(&loan->body, reply->body.data, reply->body.len);
    if (loan->type.is_overflown || loan->lines.is_overflown || loan->body.is_overflown)
        loan->is_silent = true;
}

void iscep_loan_answer(iscep_exchange *copy, const iscep_reply *reply)
{
    struct iscep_loan *loan = copy->borrowed;
    loan->is_silent = reply == NULL;
    if (reply != NULL)
        keep_answer(loan, reply);
    loan->copy = NULL;
    pthread_mutex_lock(&loan->lock);
    loan->has_copy = false;
    if (loan->has_shell)
        post_locked(loan, loan->home, &loan->answering);
    pthread_mutex_unlock(&loan->lock);
    iscep_exchange_free(copy);
    let_go(loan, 1);
}

/* --- on the lender's thread --- */

static void forget_shell(struct iscep_loan *loan)
{
    loan->shell = NULL;
    pthread_mutex_lock(&loan->lock);
    loan->has_shell = false;
    pthread_mutex_unlock(&loan->lock);
}

static void answer_shell(struct iscep_loan *loan)
{
    iscep_exchange *shell = loan->shell;
    shell->lent = NULL; /* what comes now is its own affair */
    forget_shell(loan);
    if (loan->is_silent)
        iscep_exchange_reply_raw(shell, (iscep_bytes){0}, false);
    else
        iscep_exchange_reply_lines(shell, loan->status, iscep_buf_text(&loan->type),
                                   iscep_buf_bytes(&loan->lines), iscep_buf_bytes(&loan->body));
}

static void on_answer(void *user)
{
    struct iscep_loan *loan = user;
    const bool has_caller = loan->shell != NULL;
    if (has_caller)
        answer_shell(loan);
    let_go(loan, has_caller ? 2 : 1); /* the shell's part, and the message's */
}

void iscep_loan_tell_gone(struct iscep_loan *loan)
{
    pthread_mutex_lock(&loan->lock);
    if (loan->has_copy)
        post_locked(loan, loan->away, &loan->going);
    pthread_mutex_unlock(&loan->lock);
}

void iscep_loan_cut(struct iscep_loan *loan)
{
    iscep_exchange *shell = loan->shell;
    forget_shell(loan);
    iscep_exchange_free(shell);
    let_go(loan, 1);
}

/* What the borrower gets moves over; what the connection needs stays. */
static void split(iscep_exchange *copy, iscep_exchange *shell, struct iscep_loan *loan)
{
    *copy = *shell;
    copy->connection = NULL;
    copy->borrowed = loan;
    copy->on_gone = NULL;
    shell->head = shell->body = (iscep_buf){0};
    shell->header_count = 0;
    shell->certificate = NULL;
    shell->limiter = NULL;
    shell->on_gone = NULL;
    shell->lent = loan;
}

static struct iscep_loan *new_loan(void)
{
    struct iscep_loan *loan = calloc(1, sizeof *loan);
    if (loan == NULL)
        return NULL;
    pthread_mutex_init(&loan->lock, NULL);
    loan->lending = (iscep_loop_item){.callback = on_lent, .dropped = on_not_lent, .user = loan};
    loan->going = (iscep_loop_item){.callback = on_going, .dropped = on_dropped, .user = loan};
    loan->answering = (iscep_loop_item){.callback = on_answer, .dropped = on_dropped, .user = loan};
    iscep_buf_init(&loan->type, MAX_TYPE_LEN);
    iscep_buf_init(&loan->lines, MAX_LINES_LEN);
    iscep_buf_init(&loan->body, SIZE_MAX);
    return loan;
}

iscep_status iscep_exchange_lend(iscep_exchange *exchange, iscep_loop *loop, iscep_http_handler handler,
                                 void *user, iscep_error *err)
{
    if (exchange->borrowed != NULL)
        return iscep_error_set(err, ISCEP_USAGE, "lent_twice", "what is borrowed cannot be lent");
    struct iscep_loan *loan = new_loan();
    iscep_exchange *copy = malloc(sizeof *copy);
    if (loan == NULL || copy == NULL) {
        free(loan);
        free(copy);
        return iscep_error_nomem(err);
    }
    loan->away = loop;
    loan->handler = handler;
    loan->user = user;
    split(copy, exchange, loan);
    loan->copy = copy;
    loan->has_copy = true;
    loan->owners = 1;
    if (exchange->connection != NULL) {
        loan->home = exchange->connection->server->loop;
        loan->shell = exchange;
        loan->has_shell = true;
        loan->owners++;
    } else { /* the caller is gone: there is nobody to answer */
        iscep_exchange_free(exchange);
    }
    pthread_mutex_lock(&loan->lock);
    post_locked(loan, loop, &loan->lending);
    pthread_mutex_unlock(&loan->lock);
    return ISCEP_OK;
}
