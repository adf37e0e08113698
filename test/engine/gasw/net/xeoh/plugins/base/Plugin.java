package net.xeoh.plugins.base;

public interface Plugin {
}
