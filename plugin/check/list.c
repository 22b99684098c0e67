/* The checks in the order of a host's life with a plugin, each with the sentence of scep_plugin.h that it proves. */
#include "plugin/check/check.h"
#include "plugin/check/checks.h"

/* FROM: is judged once the plugin has come as far as NEEDS, but starts with it loaded only as far as LOADED. */
#define FROM(NAME, NEEDS, LOADED, PROMISE)                                                                   \
    {                                                                                                        \
        .name = #NAME, .promise = (PROMISE), .needs = STAGE_##NEEDS, .loaded = STAGE_##LOADED,               \
        .run = check_##NAME                                                                                  \
    }
#define CHECK(NAME, NEEDS, PROMISE) FROM(NAME, NEEDS, NEEDS, PROMISE)
#define GATE(NAME, NEEDS, GIVES, PROMISE)                                                                    \
    {                                                                                                        \
        .name = #NAME, .promise = (PROMISE), .needs = STAGE_##NEEDS, .gives = STAGE_##GIVES,                 \
        .loaded = STAGE_##NEEDS, .run = check_##NAME                                                         \
    }

#define USAGE  "NULL, a size too small, a length out of range: the host's mistake"
#define ENTRY  "The one symbol that a plugin exports, under the name SCEP_PLUGIN_ENTRY_SYMBOL."
#define LATER  "whoever reads it uses no member beyond that size"
#define FILLS  "whoever fills it for its owner leaves size as it is, and writes nothing beyond it"
#define THREAD "for one instance from any number of threads at once"
#define CLOSE  "the plugin's; from open to close"
#define GUEST                                                                                                \
    "A plugin does not exit or abort, does not write to stdout or stderr, leaves signals, locale, "          \
    "environment, umask and the working directory alone, and raises no SIGPIPE."

const check_row check_list[] = {
    GATE(load, FILE, MODULE, ENTRY),
    CHECK(symbols, FILE, ENTRY),
    GATE(table, MODULE, TABLE, "SCEP_OK: *plugin is the plugin's table"),
    CHECK(entry_null, MODULE, USAGE),
    CHECK(majors, MODULE, "SCEP_ERR_VERSION: it does not speak the host's major version"),
    CHECK(minors, MODULE, "any minor version of the host's major will do."),
    CHECK(entry_threads, MODULE, "entry and all functions may be called from any thread"),
    CHECK(calls_whole, TABLE,
          "a plugin without the form that does not block leaves out all of begin_..., descriptor, finish, "
          "cancel."),

    GATE(open, TABLE, INSTANCE, "Does not wait for the network."),
    CHECK(open_usage, TABLE, USAGE),
    FROM(unknown_key, INSTANCE, TABLE, "An unknown key is an error."),
    CHECK(open_instance, TABLE, "*instance is NULL unless it returns SCEP_OK."),
    CHECK(open_text, TABLE, "text is filled when it fails (may be NULL)."),
    FROM(same_key, INSTANCE, TABLE, "a key or value is wrong; the text says which"),
    FROM(later_host, INSTANCE, TABLE, LATER),
    FROM(poor_host, INSTANCE, TABLE, "NULL: this host does not."),
    CHECK(close_null, TABLE, "NULL is allowed"),

    GATE(answers, INSTANCE, ANSWERS, "whoever waits for a plugin waits no longer than that"),
    GATE(calls, ANSWERS, CALLS, "A call whose time is over is never pending."),

    CHECK(verdicts, ANSWERS,
          "It tells whether the call itself worked; the decision is answer.verdict, another thing."),
    CHECK(texts, ANSWERS, "Text is UTF-8 without control characters."),
    CHECK(begins_as_deny, ANSWERS, "The plugin begins every call by writing DENY."),
    CHECK(room, ANSWERS,
          "Only from verify_request, and only to a host whose answer has room for a certificate"),
    CHECK(answer_bounds, ANSWERS, FILLS),
    CHECK(null_arguments, ANSWERS, USAGE),
    CHECK(small_structs, ANSWERS, "refuses a struct that is smaller than that of the major's minor 0"),
    CHECK(later_structs, ANSWERS, LATER),
    CHECK(null_data, ANSWERS, USAGE),
    CHECK(transaction_ids, ANSWERS, "at most 255 bytes, no control characters; anything else is denied."),
    CHECK(message_types, ANSWERS, "SCEP_MESSAGE_PKCS_REQ or SCEP_MESSAGE_RENEWAL_REQ"),
    CHECK(garbage_requests, ANSWERS, "PKCS#10 (RFC 2986), DER, with its challengePassword attribute"),
    CHECK(absent_fields, ANSWERS, "{NULL, 0} is \"absent\"."),
    CHECK(huge_fields, ANSWERS, "Bytes or text by pointer and length."),
    CHECK(inputs_untouched, ANSWERS, "Bytes or text by pointer and length."),
    CHECK(inputs_returned, ANSWERS, "Inputs are borrowed until the call returns."),
    FROM(open_borrows, ANSWERS, TABLE, "host is borrowed until close; config until open returns."),

    CHECK(health_usage, INSTANCE, USAGE),
    CHECK(health_state, INSTANCE, "with DOWN: what is wrong, as a word for machines"),

    CHECK(deadlines, ANSWERS, "Returns within timeout_ms."),
    CHECK(threads, ANSWERS, THREAD),
    CHECK(two_instances, ANSWERS, "once an endpoint"),
    CHECK(fork_child, ANSWERS, "After fork an instance may be used in parent and child"),
    CHECK(fork_close, ANSWERS, "Each process closes its copy, or just ends."),
    CHECK(fork_exit, ANSWERS, "Each process closes its copy, or just ends."),
    CHECK(fork_under_load, ANSWERS,
          "a call under way in another thread at that moment does not finish in the child."),

    CHECK(begin_copies, CALLS, "begin_... copies its input, writes DENY into answer, and returns at once."),
    CHECK(call_descriptor, CALLS,
          "A descriptor that becomes readable (POLLIN) whenever finish has something to do, which is at the "
          "latest when timeout_ms has passed."),
    CHECK(call_idle, CALLS, "A call that waits is not readable: the host's loop would spin."),
    CHECK(call_closes, CALLS, "the same as long as the call lasts, and closed when the call ends"),
    CHECK(call_deadline, CALLS, "A call whose time is over is never pending."),
    CHECK(call_cancel, CALLS,
          "Ends the call without an answer; the question may have been asked all the same."),
    CHECK(call_same_answer, CALLS, "answer is filled, as the blocking function would have."),
    CHECK(call_many, CALLS, "It is the plugin's, one a call, the same as long as the call lasts"),
    CHECK(fork_cancel, CALLS,
          "a child may only cancel it, which frees the child's copy and disturbs nobody."),
    CHECK(fork_finish, CALLS, "A scep_call belongs to the process that began it"),

    FROM(quiet, ANSWERS, FILE, GUEST),
    FROM(signals, ANSWERS, FILE, GUEST),
    FROM(surroundings, ANSWERS, FILE, GUEST),
    FROM(standard_descriptors, ANSWERS, FILE, GUEST),
    FROM(thread_signals, ANSWERS, FILE, "Its own threads block all signals."),
    FROM(descriptor_leak, ANSWERS, TABLE, CLOSE),
    FROM(thread_leak, ANSWERS, TABLE, CLOSE),
    FROM(unload, ANSWERS, FILE, CLOSE),
};
const size_t check_count = sizeof check_list / sizeof check_list[0];
