-- name: months
select year, month, count(*) as products, sum(sales) as sales, sum(revenue) as revenue
from gold.year_month_product_sales
group by year, month
order by year, month

-- name: best_products
select product_name, sales, quantity, revenue
from gold.year_month_product_sales
where (year, month) = (2013, 2)
order by revenue desc, product_id
limit 10
