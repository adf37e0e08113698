package gaswk8s;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which invocations the engine waits for, and which are over. An engine counts what it is told: it is told of each invocation that it has
 * submitted, once. The end of another one (of an engine before, in this directory) is kept until the engine submits that, too.
 */
final class Ledger {
    private final Set<String> awaited = new HashSet<>();
    private final Set<String> told = new HashSet<>();
    private final Map<String, Result> over = new HashMap<>();
    private final List<Result> due = new ArrayList<>();

    /** Notes that the engine waits for an invocation. */
    synchronized void expect(String id) {
        if (told.contains(id)) return;
        awaited.add(id);
        settle(id);
    }

    /** Notes that an invocation is over. */
    synchronized void add(Result result) {
        over.put(result.id(), result);
        settle(result.id());
    }

    /** Waits until there is something to tell. */
    synchronized void await() throws InterruptedException {
        while (due.isEmpty()) wait();
    }

    /** Hands out what is to be told now; it counts as told. */
    synchronized List<Result> take() {
        List<Result> taken = new ArrayList<>(due);
        due.clear();
        return taken;
    }

    /** Whether nothing that the engine has submitted is still to be told. */
    synchronized boolean isSettled() {
        return awaited.isEmpty() && due.isEmpty();
    }

    private void settle(String id) {
        if (!over.containsKey(id) || !awaited.remove(id)) return;
        told.add(id);
        due.add(over.remove(id));
        notifyAll();
    }
}
