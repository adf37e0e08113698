package fr.insalyon.creatis.gasw.dao;

public class DAOException extends Exception {
    private static final long serialVersionUID = 1;

    public DAOException(Exception cause) {
        super(cause);
    }
}
