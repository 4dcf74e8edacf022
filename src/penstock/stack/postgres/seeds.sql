-- The example table of a project's new servers: with rows in the source, empty in the warehouse.

-- name: table
CREATE TABLE public.product (
    product_id   integer PRIMARY KEY,
    product_name varchar(250) NOT NULL,
    price        integer,
    created_at   timestamp NOT NULL DEFAULT now(),
    updated_at   timestamp NOT NULL DEFAULT now()
);

-- name: rows
INSERT INTO public.product (product_id, product_name, price) VALUES
    (1, 'Desk lamp', 35),
    (2, 'Office chair', 180),
    (3, 'Standing desk', 420),
    (4, 'Bookshelf', 95),
    (5, 'Whiteboard', 60),
    (6, 'Filing cabinet', NULL);
