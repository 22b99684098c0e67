// A complete host of a SCEP policy plugin (scep_plugin.h), by cgo.
//
//	CGO_CFLAGS=-I/path/to/include go build -o go_host .
//	./go_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]
//
// Arguments, output and exit status are those of ../minimal_host.c, which explains the steps. What Go adds:
//   - Go cannot call a pointer to a C function: each has three lines of C in the preamble.
//   - C may not be given Go memory that points at Go memory: what a struct points at is copied to C memory and freed after the
//     call. What C keeps (host, until close) is C memory itself.
//   - A goroutine that asks is a thread while it waits; slots bounds how many, since Go does not.
//   - goLog is called on threads that Go has never seen, which cgo allows; a panic in it would end the process.
package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include "scep_plugin.h"

extern void goLog(void *user, int32_t level, char *message);

static int32_t call_entry(void *entry, const scep_plugin **plugin)
{
    return ((scep_plugin_entry_fn)entry)(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, plugin);
}
static int32_t call_open(const scep_plugin *p, const scep_host *h, const scep_config_entry *c, size_t n, scep_instance **i,
                         scep_text *t)
{
    return p->open(h, c, n, i, t);
}
static int32_t call_verify(const scep_plugin *p, scep_instance *i, const scep_request *q, scep_answer *a)
{
    return p->verify_request(i, q, a);
}
static int32_t call_issued(const scep_plugin *p, scep_instance *i, const scep_issued *q, scep_answer *a)
{
    return p->notify_issued(i, q, a);
}
static int32_t call_failed(const scep_plugin *p, scep_instance *i, const scep_failed *q, scep_answer *a)
{
    return p->notify_failed(i, q, a);
}
static int32_t call_health(const scep_plugin *p, scep_instance *i, uint32_t ms, scep_health *h)
{
    return p->health(i, ms, h);
}
static void call_close(const scep_plugin *p, scep_instance *i)
{
    p->close(i);
}
static void set_log(scep_host *host)
{
    host->log = (void (*)(void *, int32_t, const char *))goLog;
}
*/
import "C"

import (
	"fmt"
	"os"
	"unsafe"
)

const timeoutMS = 25000

var slots = make(chan struct{}, 64) // questions at once, each a thread

//export goLog
func goLog(_ unsafe.Pointer, level C.int32_t, message *C.char) {
	word := "info"
	if level >= C.SCEP_LOG_WARN {
		word = "warning"
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", word, C.GoString(message))
}

// Verdict is not a bool, and its zero value is a refusal.
type Verdict int

const (
	Deny Verdict = iota
	Allow
	Retry
)

func (v Verdict) String() string { return [...]string{"deny", "allow", "retry"}[v] }

// ExitStatus is how this program says it.
func (v Verdict) ExitStatus() int { return [...]int{1, 0, 3}[v] }

// Answer is what a plugin said.
type Answer struct {
	Verdict       Verdict
	Code, Message string
}

// Instance is an opened plugin; any number of goroutines may ask it at once.
type Instance struct {
	plugin *C.scep_plugin
	handle *C.scep_instance
	host   *C.scep_host
}

func text(chars []C.char) string { // as far as the NUL, and never further than the array
	for i, c := range chars {
		if c == 0 {
			return C.GoStringN(&chars[0], C.int(i))
		}
	}
	return C.GoStringN(&chars[0], C.int(len(chars)))
}

func load(path string) (*C.scep_plugin, error) {
	cPath, symbol := C.CString(path), C.CString(C.SCEP_PLUGIN_ENTRY_SYMBOL)
	defer C.free(unsafe.Pointer(cPath))
	defer C.free(unsafe.Pointer(symbol))
	module := C.dlopen(cPath, C.RTLD_NOW|C.RTLD_LOCAL)
	if module == nil {
		return nil, fmt.Errorf("%s: the module cannot be loaded", path) // dlerror belongs to a thread, and goroutines change theirs
	}
	entry := C.dlsym(module, symbol)
	if entry == nil {
		return nil, fmt.Errorf("%s does not export "+C.SCEP_PLUGIN_ENTRY_SYMBOL, path)
	}
	var plugin *C.scep_plugin
	status := C.call_entry(entry, &plugin)
	if plugin != nil && (status == C.SCEP_ERR_VERSION || plugin.abi_major != C.SCEP_PLUGIN_ABI_MAJOR) {
		return nil, fmt.Errorf("%s: %s %s speaks version %d.%d of the ABI, this host %d.%d", path, C.GoString(plugin.name),
			C.GoString(plugin.version), plugin.abi_major, plugin.abi_minor, C.SCEP_PLUGIN_ABI_MAJOR, C.SCEP_PLUGIN_ABI_MINOR)
	}
	var needed C.scep_plugin // of 1.0: cancel is its last member
	if status != C.SCEP_OK || plugin == nil || uintptr(plugin.size) < unsafe.Offsetof(needed.cancel)+unsafe.Sizeof(needed.cancel) {
		return nil, fmt.Errorf("%s: not a usable plugin (error %d)", path, status)
	}
	return plugin, nil
}

// Open loads a plugin and opens an instance of it.
func Open(path, socket string) (*Instance, error) {
	plugin, err := load(path)
	if err != nil {
		return nil, err
	}
	host := (*C.scep_host)(C.calloc(1, C.sizeof_scep_host))
	host.size = C.sizeof_scep_host
	C.set_log(host)
	config := (*C.scep_config_entry)(C.calloc(1, C.sizeof_scep_config_entry))
	config.key, config.value = C.CString("socket"), C.CString(socket)
	defer C.free(unsafe.Pointer(config))
	defer C.free(unsafe.Pointer(config.key))
	defer C.free(unsafe.Pointer(config.value))
	instance := &Instance{plugin: plugin, host: host}
	reason := C.scep_text{size: C.sizeof_scep_text}
	if C.call_open(plugin, host, config, 1, &instance.handle, &reason) != C.SCEP_OK {
		C.free(unsafe.Pointer(host))
		return nil, fmt.Errorf("%s: %s", C.GoString(plugin.name), text(reason.text[:]))
	}
	return instance, nil
}

// Close may run only when nobody asks any more.
func (i *Instance) Close() {
	C.call_close(i.plugin, i.handle)
	C.free(unsafe.Pointer(i.host))
}

// decide is the one place where an answer becomes a yes.
func decide(status C.int32_t, answer *C.scep_answer) Answer {
	result := Answer{Deny, text(answer.code[:]), text(answer.message[:])}
	switch {
	case status == C.SCEP_ERR_NOMEM || status == C.SCEP_ERR_UNAVAILABLE:
		result.Verdict, result.Code = Retry, "plugin_error"
	case status != C.SCEP_OK:
		result.Code = "plugin_error"
	case answer.verdict == C.SCEP_VERDICT_ALLOW:
		result.Verdict = Allow
	case answer.verdict == C.SCEP_VERDICT_RETRY:
		result.Verdict = Retry
	}
	return result
}

func cBytes(data []byte) C.scep_bytes { // in C memory; to be freed
	if len(data) == 0 {
		return C.scep_bytes{}
	}
	return C.scep_bytes{data: (*C.uint8_t)(C.CBytes(data)), len: C.size_t(len(data))}
}

func free(bytes C.scep_bytes) { C.free(unsafe.Pointer(bytes.data)) }

// ask copies what every question has, and waits for a slot.
func ask(id string, csr, last []byte, call func(id, csr, last C.scep_bytes, answer *C.scep_answer) C.int32_t) Answer {
	slots <- struct{}{}
	defer func() { <-slots }()
	cID, cCSR, cLast := cBytes([]byte(id)), cBytes(csr), cBytes(last)
	defer free(cID)
	defer free(cCSR)
	defer free(cLast)
	answer := C.scep_answer{size: C.sizeof_scep_answer}
	status := call(cID, cCSR, cLast, &answer)
	return decide(status, &answer)
}

// Verify asks whether a certificate may be issued.
func (i *Instance) Verify(id string, csr []byte) Answer {
	return ask(id, csr, nil, func(id, csr, _ C.scep_bytes, answer *C.scep_answer) C.int32_t {
		request := C.scep_request{size: C.sizeof_scep_request, message_type: C.SCEP_MESSAGE_PKCS_REQ,
			timeout_ms: timeoutMS, transaction_id: id, csr_der: csr}
		return C.call_verify(i.plugin, i.handle, &request, answer)
	})
}

// Issued reports a certificate, and asks whether it may be delivered.
func (i *Instance) Issued(id string, csr, cert []byte) Answer {
	return ask(id, csr, cert, func(id, csr, cert C.scep_bytes, answer *C.scep_answer) C.int32_t {
		issued := C.scep_issued{size: C.sizeof_scep_issued, timeout_ms: timeoutMS, transaction_id: id, csr_der: csr, cert_der: cert}
		return C.call_issued(i.plugin, i.handle, &issued, answer)
	})
}

// Failed reports that the CA has issued nothing.
func (i *Instance) Failed(id string, csr []byte, reason string) Answer {
	return ask(id, csr, []byte(reason), func(id, csr, reason C.scep_bytes, answer *C.scep_answer) C.int32_t {
		failed := C.scep_failed{size: C.sizeof_scep_failed, timeout_ms: timeoutMS, error_code: 0x80004005,
			transaction_id: id, csr_der: csr, reason: reason}
		return C.call_failed(i.plugin, i.handle, &failed, answer)
	})
}

// Health is nil if requests could be decided now.
func (i *Instance) Health() error {
	health := C.scep_health{size: C.sizeof_scep_health}
	if C.call_health(i.plugin, i.handle, 2000, &health) != C.SCEP_OK || health.state != C.SCEP_HEALTH_READY {
		return fmt.Errorf("%s: %s", text(health.code[:]), text(health.message[:]))
	}
	return nil
}

func run(args []string) int {
	instance, err := Open(args[0], args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer instance.Close()
	if err := instance.Health(); err != nil {
		fmt.Fprintln(os.Stderr, "not ready:", err)
	}
	csr, _ := os.ReadFile(args[3]) // no bytes, which every plugin denies, if it cannot be read
	answer := instance.Verify(args[2], csr)
	fmt.Printf("%v %s: %s\n", answer.Verdict, answer.Code, answer.Message)
	if answer.Verdict != Allow || len(args) < 5 {
		return answer.Verdict.ExitStatus()
	}
	if cert, err := os.ReadFile(args[4]); err == nil {
		answer = instance.Issued(args[2], csr, cert)
		fmt.Printf("%v %s: %s\n", answer.Verdict, answer.Code, answer.Message)
		return answer.Verdict.ExitStatus()
	}
	answer = instance.Failed(args[2], csr, "the CA has failed")
	fmt.Printf("%v %s: %s\n", answer.Verdict, answer.Code, answer.Message)
	return Deny.ExitStatus()
}

func main() {
	if len(os.Args) != 5 && len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: go_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]")
		os.Exit(2)
	}
	os.Exit(run(os.Args[1:]))
}
