#!/usr/bin/perl
# A complete host of a SCEP policy plugin (scep_plugin.h), by FFI::Platypus.
#
#     perl host.pl PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]
#
# Arguments, output and exit status are those of ../minimal_host.c, which explains the steps. What Perl adds:
# - No log: it is called from any thread, and a closure of Perl's on a thread that Perl has not made is a crash. No revoke,
#   for the same reason.
# - A pointer holds nothing: every string and record that a struct points at is a variable that lives until the call returns,
#   and host one that lives until close.
# - DENY is false, but RETRY and DECLINE are true: a verdict is compared with ==.
# - What dies on the way to an answer is no answer: the program ends, and not with 0.
# The call blocks the interpreter. Whoever wants several at once begins them, and gives descriptor to AnyEvent or IO::Poll.
use strict;
use warnings;
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(scalar_to_buffer);
use FFI::Platypus::DL qw(dlopen dlsym dlerror RTLD_NOW RTLD_LOCAL);

use constant { ABI_MAJOR => 1, ABI_MINOR => 0, OK => 0, ERR_VERSION => 2, ERR_NOMEM => 4, ERR_UNAVAILABLE => 5 };
use constant { VERDICT_RETRY => 1, VERDICT_ALLOW => 0x414C4C4F, HEALTH_READY => 1, PKCS_REQ => 19 };

# A pair of pointer and length, as scep_bytes has them.
sub bytes { map { ("opaque" => "${_}_data", "size_t" => "${_}_len") } @_ }

package Entry   { use FFI::Platypus::Record; record_layout_1(opaque => 'key', opaque => 'value') }
package Text    { use FFI::Platypus::Record; record_layout_1(size_t => 'size', 'string(512)' => 'text') }
package HostStruct {
    use FFI::Platypus::Record;
    record_layout_1(size_t => 'size', opaque => 'user', opaque => 'log', opaque => 'revoke');
}
package Request {
    use FFI::Platypus::Record;
    record_layout_1(size_t => 'size', uint32 => 'message_type', uint32 => 'timeout_ms',
        main::bytes(qw(transaction_id csr_der signer_cert_der endpoint peer)));
}
package Issued {
    use FFI::Platypus::Record;
    record_layout_1(size_t => 'size', uint32 => 'timeout_ms', uint32 => 'reserved',
        main::bytes(qw(transaction_id csr_der cert_der)));
}
package Failed {
    use FFI::Platypus::Record;
    record_layout_1(size_t => 'size', uint32 => 'timeout_ms', uint32 => 'error_code',
        main::bytes(qw(transaction_id csr_der reason)));
}
package Answer {
    use FFI::Platypus::Record;
    record_layout_1(size_t => 'size', sint32 => 'verdict', uint32 => 'retry_after_ms', 'string(64)' => 'code',
        'string(512)' => 'message', 'string(64)' => 'request_id', opaque => 'cert_der', size_t => 'cert_capacity',
        size_t => 'cert_len');
}
package Health {
    use FFI::Platypus::Record;
    record_layout_1(size_t => 'size', sint32 => 'state', uint32 => 'reserved', 'string(64)' => 'code',
        'string(512)' => 'message');
}
BEGIN { our @HEAD = (size_t => 'size', uint32 => 'abi_major', uint32 => 'abi_minor', string => 'name', string => 'version') }
package Head { use FFI::Platypus::Record; record_layout_1(@main::HEAD) } # of any major version
package Table {
    use FFI::Platypus::Record;
    record_layout_1(@main::HEAD, map { (opaque => $_) } qw(open verify_request notify_issued notify_failed close health
        begin_verify_request begin_notify_issued begin_notify_failed descriptor finish cancel));
}

package main;

my $ffi = FFI::Platypus->new(api => 2);
$ffi->type("record($_)*" => $_) for qw(Entry Text HostStruct Request Issued Failed Answer Health Head Table);
my $record_size = sub { $ffi->sizeof("record($_[0])") };

sub sized { # the struct of that name, zeroed, with its size
    my ($name, %members) = @_;
    return $name->new(size => $record_size->($name), %members);
}

# pointing($name => $string): the two members that point at a variable of the caller's
sub pointing { my ($name) = @_; my ($at, $len) = scalar_to_buffer($_[1]); return ("${name}_data" => $at, "${name}_len" => $len) }

sub text { my ($chars) = @_; $chars =~ s/\0.*//s; return $chars } # as far as the NUL

sub unusable { print STDERR "$_[0]\n"; exit 2 }

sub load {
    my ($path) = @_;
    my $module = dlopen($path, RTLD_NOW | RTLD_LOCAL) or unusable(dlerror());
    my $entry = dlsym($module, "scep_plugin_entry") or unusable(dlerror());
    my $status = $ffi->function($entry => [qw(uint32 uint32 opaque*)] => 'sint32')->call(ABI_MAJOR, ABI_MINOR, \my $at);
    my $head = defined $at ? $ffi->cast(opaque => 'Head', $at) : undef;
    if ($head && ($status == ERR_VERSION || $head->abi_major != ABI_MAJOR)) {
        unusable(sprintf "%s: %s %s speaks version %d.%d of the ABI, this host %d.%d", $path, $head->name, $head->version,
            $head->abi_major, $head->abi_minor, ABI_MAJOR, ABI_MINOR);
    }
    unusable("$path: not a usable plugin (error $status)")
        if $status != OK || !$head || $head->size < $record_size->('Table');
    return $ffi->cast(opaque => 'Table', $at);
}

my ($table, $host, $instance);

sub function { my ($name, @types) = @_; return $ffi->function($table->$name => [@types] => 'sint32') }

# The one place where an answer becomes a yes.
sub ask {
    my ($name, $kind, $question) = @_;
    my $answer = sized('Answer');
    my $status = function($name, 'opaque', $kind, 'Answer')->call($instance, $question, $answer);
    my $verdict = 'deny';
    if ($status == OK && $answer->verdict == VERDICT_ALLOW) {
        $verdict = 'allow';
    } elsif ($status == ERR_NOMEM || $status == ERR_UNAVAILABLE || $status == OK && $answer->verdict == VERDICT_RETRY) {
        $verdict = 'retry';
    }
    printf "%s %s: %s\n", $verdict, $status == OK ? text($answer->code) : 'plugin_error', text($answer->message);
    return $verdict;
}

sub open_instance {
    my ($path, $socket) = @_;
    my ($key, $value) = ("socket\0", "$socket\0"); # live as long as config
    $table = load($path);
    $host = sized('HostStruct');
    my $config = Entry->new(key => (scalar_to_buffer $key)[0], value => (scalar_to_buffer $value)[0]);
    my $text = sized('Text');
    my $status = function('open', qw(HostStruct Entry size_t opaque* Text))->call($host, $config, 1, \$instance, $text);
    unusable($table->name . ": " . text($text->text)) if $status != OK;
}

sub check_health {
    my $health = sized('Health');
    my $status = function('health', qw(opaque uint32 Health))->call($instance, 2000, $health);
    printf STDERR "not ready: %s: %s\n", text($health->code), text($health->message)
        if $status != OK || $health->state != HEALTH_READY;
}

sub read_file { # undef if it cannot be read
    my ($path) = @_;
    open my $file, '<:raw', $path or return undef;
    local $/;
    return scalar <$file>;
}

sub main {
    my ($path, $socket, $id, $csr_path, $cert_path) = @_;
    open_instance($path, $socket);
    check_health();
    my $csr = read_file($csr_path) // ''; # no bytes, which every plugin denies
    my @enrolment = (timeout_ms => 25000, pointing(transaction_id => $id), pointing(csr_der => $csr));
    my $verdict = ask('verify_request', 'Request', sized('Request', message_type => PKCS_REQ, @enrolment));
    if ($verdict eq 'allow' && defined $cert_path) {
        my $cert = read_file($cert_path);
        my $reason = 'the CA has failed';
        if (defined $cert) {
            $verdict = ask('notify_issued', 'Issued', sized('Issued', @enrolment, pointing(cert_der => $cert)));
        } else {
            ask('notify_failed', 'Failed', sized('Failed', error_code => 0x80004005, @enrolment, pointing(reason => $reason)));
            $verdict = 'deny';
        }
    }
    $ffi->function($table->close => ['opaque'] => 'void')->call($instance);
    return { allow => 0, retry => 3 }->{$verdict} // 1;
}

unusable("usage: host.pl PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]") unless @ARGV == 4 || @ARGV == 5;
exit main(@ARGV);
