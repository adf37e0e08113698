package fr.insalyon.creatis.gasw.dao;

/** GASW's Hibernate; here, the database that the harness has connected to. */
public abstract class DAOFactory {
    private static DAOFactory factory;

    public static DAOFactory getDAOFactory() {
        return factory;
    }

    public static void setDAOFactory(DAOFactory factory) {
        DAOFactory.factory = factory;
    }

    public abstract JobDAO getJobDAO() throws DAOException;

    public abstract JobMinorStatusDAO getJobMinorStatusDAO();
}
