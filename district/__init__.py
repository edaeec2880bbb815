"""The application: tables, HTTP, pages, jobs, settings and commands of a shopping district."""
