# shellcheck shell=bash
# Sourced after stack.sh: a TPM in software, and a key that was made in it and never leaves it.

tpm_start() {
    local port
    mkdir "$WORK/tpm"
    for port in $(shuf -i 20000-30000 -n 20); do # swtpm cannot be told to choose
        start swtpm swtpm socket --tpm2 --tpmstate "dir=$WORK/tpm" --flags not-need-init,startup-clear \
            --server "type=tcp,port=$port,bindaddr=127.0.0.1" --ctrl "type=tcp,port=$((port + 1)),bindaddr=127.0.0.1"
        export TPM2TOOLS_TCTI=swtpm:host=127.0.0.1,port=$port TPM2OPENSSL_TCTI=swtpm:host=127.0.0.1,port=$port
        wait_until 20 "an answer of swtpm, or its end" tpm_answers_or_ended
        ! tpm_answers || return 0
    done
    fail "no free port for swtpm"
}
tpm_answers() { tpm2_getcap -Q properties-fixed >/dev/null 2>&1; }
tpm_answers_or_ended() { tpm_answers || ! kill -0 "$STARTED" 2>/dev/null; }

# RSA with 2048 bits, to sign and to decipher with, at handle:0x81000001.
tpm_make_key() {
    tpm2_createprimary -Q -C o -G rsa2048 -c "$WORK/primary.ctx"
    tpm2_flushcontext -Q -t
    tpm2_create -Q -C "$WORK/primary.ctx" -G rsa2048 -u "$WORK/tpm.pub" -r "$WORK/tpm.priv" \
        -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|decrypt'
    tpm2_flushcontext -Q -t
    tpm2_load -Q -C "$WORK/primary.ctx" -u "$WORK/tpm.pub" -r "$WORK/tpm.priv" -c "$WORK/tpm.ctx"
    tpm2_evictcontrol -Q -C o -c "$WORK/tpm.ctx" 0x81000001
    tpm2_flushcontext -Q -t
}
