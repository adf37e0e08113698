package gaswk8s;

/** Threads that do not keep the engine alive. */
final class Daemon {
    private Daemon() {}

    static Thread start(String name, Runnable action) {
        Thread thread = new Thread(action, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }
}
