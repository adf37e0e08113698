import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Driver;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Properties;
import java.util.ServiceLoader;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Speaks JDBC for a program that can't: requests on stdin, answers on stdout, one connection, which ends with stdin.
 *
 * <p>A line is a list of fields with a tab between them, in UTF-8; in a field, backslash, tab, line feed and carriage return are written
 * {@code \\ \t \n \r}. A value is a field that begins with its type: {@code n} (null), {@code s} (text), {@code i} (integer), {@code d}
 * (double), {@code b} ({@code btrue}, {@code bfalse}). Times are text, {@code YYYY-MM-DD HH:MM:SS.ffffff}, and never pass through a zone.
 *
 * <pre>
 * open URL SECONDS [KEY VALUE]…   connects with these properties; SECONDS limits each statement. The row tells the names and versions of
 *                                 database and driver
 * run SQL [VALUE…]                runs a statement
 * begin | commit | rollback       a transaction
 * </pre>
 *
 * <p>The answer to each request, in their order: {@code columns NAME…} and {@code row VALUE…} where there are rows, then {@code done COUNT}
 * (of rows changed), or {@code error SQLSTATE CODE MESSAGE}. Once stdin is closed, what was asked for is rolled back and the process ends.
 */
public final class JdbcBridge extends Thread {
    /** What a statement that still runs when stdin closes is given to end, in milliseconds. */
    private static final long GRACE = 2000;
    private static final String END = "end";
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSS");

    private final BlockingQueue<String> requests = new LinkedBlockingQueue<>();
    private final BufferedWriter answers =
        new BufferedWriter(new OutputStreamWriter(new FileOutputStream(FileDescriptor.out), StandardCharsets.UTF_8));
    private Connection connection;
    private int seconds;

    public static void main(String[] arguments) throws Exception {
        // A driver that prints must not speak in between.
        System.setOut(System.err);
        new JdbcBridge().serve();
        System.exit(0);
    }

    /** Reads the requests ahead: the end of stdin is seen also while a statement runs. */
    @Override
    public void run() {
        try (BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = input.readLine(); line != null; line = input.readLine()) requests.add(line);
        } catch (IOException error) {
            error.printStackTrace();
        }
        requests.add(END);
        try {
            sleep(GRACE);
        } catch (InterruptedException error) {
            error.printStackTrace();
        }
        Runtime.getRuntime().halt(1);
    }

    private void serve() throws Exception {
        setDaemon(true);
        start();
        for (String line = requests.take(); !line.equals(END); line = requests.take()) {
            try {
                answer(line.split("\t", -1));
            } catch (SQLException error) {
                write("error", String.valueOf(error.getSQLState()), String.valueOf(error.getErrorCode()), String.valueOf(error.getMessage()));
            } catch (RuntimeException | Error error) {
                write("error", "", "0", error.toString());
            }
            answers.flush();
        }
        if (connection == null) return;
        if (!connection.getAutoCommit()) connection.rollback();
        connection.close();
    }

    private void answer(String[] fields) throws SQLException, IOException {
        for (int i = 0; i < fields.length; i++) fields[i] = unescape(fields[i]);
        switch (fields[0]) {
            case "open" -> open(fields);
            case "run" -> execute(fields);
            case "begin" -> {
                connection.setAutoCommit(false);
                done(0);
            }
            case "commit" -> {
                connection.commit();
                connection.setAutoCommit(true);
                done(0);
            }
            case "rollback" -> {
                connection.rollback();
                connection.setAutoCommit(true);
                done(0);
            }
            default -> throw new IllegalArgumentException("no such request: " + fields[0]);
        }
    }

    private void open(String[] fields) throws SQLException, IOException {
        String url = fields[1];
        seconds = Integer.parseInt(fields[2]);
        Properties properties = new Properties();
        for (int i = 3; i < fields.length; i += 2) properties.setProperty(fields[i], fields[i + 1]);
        for (Driver driver : ServiceLoader.load(Driver.class)) {
            if (connection == null && driver.acceptsURL(url)) connection = driver.connect(url, properties);
        }
        if (connection == null) throw new SQLException("no driver on the class path accepts this URL", "GASW1");
        DatabaseMetaData meta = connection.getMetaData();
        write("columns", "product", "version", "driver", "driverVersion");
        write("row", "s" + meta.getDatabaseProductName(), "s" + meta.getDatabaseProductVersion(), "s" + meta.getDriverName(), "s" + meta.getDriverVersion());
        done(0);
    }

    private void execute(String[] fields) throws SQLException, IOException {
        try (PreparedStatement statement = connection.prepareStatement(fields[1])) {
            statement.setQueryTimeout(seconds);
            for (int i = 2; i < fields.length; i++) set(statement, i - 1, fields[i]);
            if (statement.execute()) rows(statement.getResultSet());
            else done(statement.getUpdateCount());
        }
    }

    private static void set(PreparedStatement statement, int index, String value) throws SQLException {
        String content = value.substring(1);
        switch (value.charAt(0)) {
            case 'n' -> statement.setNull(index, Types.NULL);
            case 's' -> statement.setString(index, content);
            case 'i' -> statement.setLong(index, Long.parseLong(content));
            case 'd' -> statement.setDouble(index, Double.parseDouble(content));
            case 'b' -> statement.setBoolean(index, Boolean.parseBoolean(content));
            default -> throw new IllegalArgumentException("no such type: " + value.charAt(0));
        }
    }

    private void rows(ResultSet result) throws SQLException, IOException {
        try (result) {
            ResultSetMetaData meta = result.getMetaData();
            String[] fields = new String[meta.getColumnCount() + 1];
            fields[0] = "columns";
            for (int i = 1; i < fields.length; i++) fields[i] = meta.getColumnLabel(i);
            write(fields);
            while (result.next()) {
                fields[0] = "row";
                for (int i = 1; i < fields.length; i++) fields[i] = value(result, i, meta.getColumnType(i));
                write(fields);
            }
        }
        done(0);
    }

    private static String value(ResultSet result, int index, int type) throws SQLException {
        if (type == Types.TIMESTAMP) {
            LocalDateTime time = result.getObject(index, LocalDateTime.class);
            return time == null ? "n" : "s" + TIME.format(time);
        }
        // H2 1.4 gives an enumeration's value as its number.
        Object object = type == Types.OTHER ? result.getString(index) : result.getObject(index);
        if (object == null) return "n";
        if (object instanceof Boolean) return "b" + object;
        if (object instanceof Double || object instanceof Float) return "d" + object;
        if (object instanceof Number number && object.toString().matches("-?\\d+")) return "i" + number;
        return "s" + result.getString(index);
    }

    private void done(int count) throws IOException {
        write("done", String.valueOf(count));
    }

    private void write(String... fields) throws IOException {
        for (int i = 0; i < fields.length; i++) {
            if (i > 0) answers.write('\t');
            answers.write(fields[i].replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r"));
        }
        answers.write('\n');
    }

    private static String unescape(String field) {
        if (field.indexOf('\\') < 0) return field;
        StringBuilder text = new StringBuilder(field.length());
        for (int i = 0; i < field.length(); i++) {
            char character = field.charAt(i);
            if (character == '\\') {
                character = field.charAt(++i);
                if (character == 't') character = '\t';
                else if (character == 'n') character = '\n';
                else if (character == 'r') character = '\r';
            }
            text.append(character);
        }
        return text.toString();
    }
}
