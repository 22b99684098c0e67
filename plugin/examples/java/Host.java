import com.sun.jna.Callback;
import com.sun.jna.Function;
import com.sun.jna.IntegerType;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * A complete host of a SCEP policy plugin (scep_plugin.h), by JNA.
 *
 * <pre>java -cp /usr/share/java/jna.jar Host.java PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]</pre>
 *
 * Arguments, output and exit status are those of ../minimal_host.c, which explains the steps. What Java adds:
 * <ul>
 * <li>JNA loads with RTLD_GLOBAL unless told otherwise, and then the plugin's libraries meet the JVM's.
 * <li>The collector frees what nobody holds: an answer, a request and its Memory are held by the call's own frame, the callback
 *     and the host struct, which the plugin uses until close, by fields.
 * <li>A byte[] moves and may not be pointed at: bytes go into Memory. size_t is no int.
 * <li>What a callback throws is printed, and the plugin sees 0: a callback must not throw.
 * <li>A question blocks its thread: a pool bounds how many there are.
 * </ul>
 */
public final class Host implements AutoCloseable {
    private static final String UTF_8 = StandardCharsets.UTF_8.name();
    private static final int ABI_MAJOR = 1;
    private static final int ABI_MINOR = 0;
    private static final int OK = 0;
    private static final int ERR_VERSION = 2;
    private static final int ERR_NOMEM = 4;
    private static final int ERR_UNAVAILABLE = 5;
    private static final int VERDICT_RETRY = 1;
    private static final int VERDICT_ALLOW = 0x414C4C4F;
    private static final int HEALTH_READY = 1;
    private static final int PKCS_REQ = 19;
    private static final int LOG_WARN = 2;
    private static final int TIMEOUT_MS = 25000;
    private static final int RTLD_NOW = 2; // and RTLD_LOCAL, which is 0

    public static final class SizeT extends IntegerType {
        public SizeT() { this(0); }
        public SizeT(long value) { super(Native.SIZE_T_SIZE, value, true); }
    }

    @FieldOrder({"data", "len"})
    public static final class Bytes extends Structure {
        public Pointer data; // JNA keeps the Memory alive that it is set to
        public SizeT len = new SizeT();

        void set(byte[] from) {
            if (from.length > 0) {
                Memory memory = new Memory(from.length);
                memory.write(0, from, 0, from.length);
                data = memory;
                len = new SizeT(from.length);
            }
        }
    }

    /** A struct that begins with its size; JNA zeroes the rest, so an answer begins as DENY. */
    public abstract static class Sized extends Structure {
        public SizeT size = new SizeT();

        <T extends Sized> T sized() {
            size = new SizeT(size());
            @SuppressWarnings("unchecked") T it = (T) this;
            return it;
        }
    }

    public interface Log extends Callback {
        void invoke(Pointer user, int level, Pointer message); // no String: it would be read in the platform's charset
    }

    @FieldOrder({"size", "user", "log", "revoke"})
    public static final class HostStruct extends Sized { public Pointer user; public Log log; public Pointer revoke; }

    @FieldOrder({"key", "value"})
    public static final class ConfigEntry extends Structure {
        public String key, value;

        ConfigEntry() { setStringEncoding(UTF_8); }
    }

    @FieldOrder({"size", "text"})
    public static final class Text extends Sized { public byte[] text = new byte[512]; }

    @FieldOrder({"size", "message_type", "timeout_ms", "transaction_id", "csr_der", "signer_cert_der", "endpoint", "peer"})
    public static final class Request extends Sized {
        public int message_type = PKCS_REQ;
        public int timeout_ms = TIMEOUT_MS;
        public Bytes transaction_id, csr_der, signer_cert_der, endpoint, peer;
    }

    @FieldOrder({"size", "timeout_ms", "reserved", "transaction_id", "csr_der", "cert_der"})
    public static final class Issued extends Sized {
        public int timeout_ms = TIMEOUT_MS;
        public int reserved;
        public Bytes transaction_id, csr_der, cert_der;
    }

    @FieldOrder({"size", "timeout_ms", "error_code", "transaction_id", "csr_der", "reason"})
    public static final class Failed extends Sized {
        public int timeout_ms = TIMEOUT_MS;
        public int error_code = 0x80004005;
        public Bytes transaction_id, csr_der, reason;
    }

    @FieldOrder({"size", "verdict", "retry_after_ms", "code", "message", "request_id", "cert_der", "cert_capacity", "cert_len"})
    public static final class Answer extends Sized {
        public int verdict, retry_after_ms;
        public byte[] code = new byte[64];
        public byte[] message = new byte[512];
        public byte[] request_id = new byte[64];
        public Pointer cert_der;
        public SizeT cert_capacity = new SizeT();
        public SizeT cert_len = new SizeT();
    }

    @FieldOrder({"size", "state", "reserved", "code", "message"})
    public static final class Health extends Sized {
        public int state, reserved;
        public byte[] code = new byte[64];
        public byte[] message = new byte[512];
    }

    @FieldOrder({"size", "abi_major", "abi_minor", "name", "version", "open", "verify_request", "notify_issued", "notify_failed",
                 "close", "health", "begin_verify_request", "begin_notify_issued", "begin_notify_failed", "descriptor", "finish",
                 "cancel"})
    public static final class Table extends Sized {
        public int abi_major, abi_minor;
        public Pointer name, version;
        public Pointer open, verify_request, notify_issued, notify_failed, close, health;
        public Pointer begin_verify_request, begin_notify_issued, begin_notify_failed, descriptor, finish, cancel;

        Table(Pointer at) { super(); useMemory(at); }
    }

    enum Verdict { DENY, ALLOW, RETRY }

    record Said(Verdict verdict, String code, String message) {
        @Override public String toString() { return verdict.name().toLowerCase() + " " + code + ": " + message; }
    }

    private final NativeLibrary library; // held: one that nobody holds is unloaded by the collector, under the table
    private final Table table;
    private final HostStruct host = new HostStruct();
    private final Pointer instance;

    Host(String path, String socket) {
        library = NativeLibrary.getInstance(path, Map.of(Library.OPTION_OPEN_FLAGS, RTLD_NOW));
        table = negotiate(path);
        host.log = (user, level, message) -> // on any thread
            System.err.println((level >= LOG_WARN ? "warning: " : "info: ") + message.getString(0, UTF_8));
        host.sized();
        host.write();
        ConfigEntry config = new ConfigEntry();
        config.key = "socket";
        config.value = socket;
        PointerByReference out = new PointerByReference();
        Text text = new Text().sized();
        if (call(table.open, host, config, new SizeT(1), out, text) != OK) {
            throw new IllegalArgumentException(table.name.getString(0) + ": " + text(text.text));
        }
        instance = out.getValue();
    }

    private Table negotiate(String path) {
        PointerByReference out = new PointerByReference();
        int status = library.getFunction("scep_plugin_entry").invokeInt(new Object[] {ABI_MAJOR, ABI_MINOR, out});
        Pointer found = out.getValue();
        if (found != null && (status == ERR_VERSION || found.getInt(Native.SIZE_T_SIZE) != ABI_MAJOR)) {
            long names = Native.SIZE_T_SIZE + 8; // behind size and the two numbers
            throw new IllegalArgumentException(String.format("%s: %s %s speaks version %d.%d of the ABI, this host %d.%d", path,
                found.getPointer(names).getString(0), found.getPointer(names + Native.POINTER_SIZE).getString(0),
                found.getInt(Native.SIZE_T_SIZE), found.getInt(Native.SIZE_T_SIZE + 4), ABI_MAJOR, ABI_MINOR));
        }
        if (status != OK || found == null || found.getNativeLong(0).longValue() < new Table(found).size()) {
            throw new IllegalArgumentException(path + ": not a usable plugin (error " + status + ")");
        }
        Table table = new Table(found);
        table.setAutoWrite(false); // it is the plugin's, and constant
        table.read();
        return table;
    }

    private static int call(Pointer function, Object... arguments) {
        return Function.getFunction(function).invokeInt(arguments);
    }

    private static String text(byte[] chars) { // as far as the NUL
        return Native.toString(chars, UTF_8);
    }

    /** The one place where an answer becomes a yes. */
    private Said ask(Pointer function, Sized question) {
        Answer answer = new Answer().sized();
        int status = call(function, instance, question, answer);
        boolean isPassing = status == ERR_NOMEM || status == ERR_UNAVAILABLE;
        Verdict verdict = Verdict.DENY;
        if (status == OK && answer.verdict == VERDICT_ALLOW) {
            verdict = Verdict.ALLOW;
        } else if (isPassing || status == OK && answer.verdict == VERDICT_RETRY) {
            verdict = Verdict.RETRY;
        }
        return new Said(verdict, status == OK ? text(answer.code) : "plugin_error", text(answer.message));
    }

    Said verify(String transactionId, byte[] csr) {
        Request request = new Request().sized();
        request.transaction_id.set(transactionId.getBytes(StandardCharsets.UTF_8));
        request.csr_der.set(csr);
        return ask(table.verify_request, request);
    }

    Said issued(String transactionId, byte[] csr, byte[] cert) {
        Issued issued = new Issued().sized();
        issued.transaction_id.set(transactionId.getBytes(StandardCharsets.UTF_8));
        issued.csr_der.set(csr);
        issued.cert_der.set(cert);
        return ask(table.notify_issued, issued);
    }

    Said failed(String transactionId, byte[] csr, String reason) {
        Failed failed = new Failed().sized();
        failed.transaction_id.set(transactionId.getBytes(StandardCharsets.UTF_8));
        failed.csr_der.set(csr);
        failed.reason.set(reason.getBytes(StandardCharsets.UTF_8));
        return ask(table.notify_failed, failed);
    }

    /** Why requests cannot be decided now; null if they can. */
    String trouble() {
        Health health = new Health().sized();
        boolean isReady = call(table.health, instance, 2000, health) == OK && health.state == HEALTH_READY;
        return isReady ? null : text(health.code) + ": " + text(health.message);
    }

    /** Only when nobody asks any more. */
    @Override public void close() {
        Function.getFunction(table.close).invokeVoid(new Object[] {instance});
    }

    private static byte[] read(String path) {
        try {
            return Files.readAllBytes(Path.of(path));
        } catch (IOException unreadable) {
            return new byte[0]; // which every plugin denies
        }
    }

    private static Verdict tell(Future<Said> future) throws Exception {
        Said said = future.get();
        System.out.println(said);
        return said.verdict();
    }

    private static Verdict run(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(64); // questions at once
        try (Host host = new Host(arguments[0], arguments[1])) {
            String trouble = host.trouble();
            if (trouble != null) {
                System.err.println("not ready: " + trouble);
            }
            byte[] csr = read(arguments[3]);
            Verdict verdict = tell(pool.submit(() -> host.verify(arguments[2], csr)));
            if (verdict != Verdict.ALLOW || arguments.length < 5) {
                return verdict;
            }
            byte[] cert = read(arguments[4]);
            if (cert.length > 0) {
                return tell(pool.submit(() -> host.issued(arguments[2], csr, cert)));
            }
            tell(pool.submit(() -> host.failed(arguments[2], csr, "the CA has failed")));
            return Verdict.DENY;
        } finally {
            pool.shutdown();
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 4 && arguments.length != 5) {
            System.err.println("usage: Host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]");
            System.exit(2);
        }
        try {
            Verdict verdict = run(arguments);
            System.exit(verdict == Verdict.ALLOW ? 0 : verdict == Verdict.RETRY ? 3 : 1);
        } catch (IllegalArgumentException | UnsatisfiedLinkError unusable) {
            System.err.println(unusable.getMessage());
            System.exit(2);
        }
    }
}
