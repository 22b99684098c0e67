/* See stage.h. */
#include "stage.h"

#include <stdio.h>

#include "base/x509_make.h"
#include "mock_admin.h"

enum { MAX_TEXT_LEN = 64 * 1024 };

#define COMMON_NAME "bench.example" /* of the device */

iscep_status bench_stage_open(bench_stage *out, const char *bin_dir, iscep_error *err)
{
    *out = (bench_stage){0};
    iscep_buf_init(&out->challenge, MAX_TEXT_LEN);
    iscep_buf_init(&out->csr, MAX_TEXT_LEN);
    iscep_buf_init(&out->token, MAX_TEXT_LEN);
    snprintf(out->plugin_file, sizeof out->plugin_file, "%s/../lib/scep_intune.so", bin_dir);
    snprintf(out->direct_file, sizeof out->direct_file, "%s/../lib/scep_intune_direct.so", bin_dir);
    iscep_status status = bench_stack_open(&out->stack, bin_dir, err);
    if (status == ISCEP_OK)
        status = bench_intune_start(&out->intune, &out->stack, err);
    if (status == ISCEP_OK)
        status = bench_mint_challenge(&out->challenge, &out->stack, &out->intune, "CN=" COMMON_NAME,
                                      BENCH_CHALLENGE_LEN, err);
    if (status == ISCEP_OK)
        status = iscep_csr_make(&out->csr, COMMON_NAME, iscep_buf_text(&out->challenge), err);
    return status == ISCEP_OK ? bench_get_token(&out->token, &out->stack, &out->intune, err) : status;
}

void bench_stage_close(bench_stage *stage)
{
    bench_intune_stop(&stage->intune);
    bench_postgres_stop(&stage->postgres);
    bench_stack_close(&stage->stack);
    iscep_buf_wipe(&stage->challenge);
    iscep_buf_clear(&stage->csr);
    iscep_buf_wipe(&stage->token);
}

bench_world bench_stage_world(bench_stage *stage)
{
    return (bench_world){.stack = &stage->stack,
                         .intune = &stage->intune,
                         .plugin_file = stage->plugin_file,
                         .direct_file = stage->direct_file,
                         .token = iscep_buf_text(&stage->token),
                         .csr = iscep_buf_bytes(&stage->csr),
                         .challenge = iscep_buf_text(&stage->challenge)};
}
